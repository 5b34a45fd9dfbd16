using System.Net;

namespace Envd.Testing;

/// <summary>A web server for tests: what is asked for, and with which headers, is written down.</summary>
public sealed class FileServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<HttpListenerRequest, (int Status, byte[] Body)> _answer;

    /// <summary>Starts a server.</summary>
    /// <param name="answer">What a request gets; of status 0 it is cut off.</param>
    /// <param name="host">An address of this machine.</param>
    public FileServer(Func<HttpListenerRequest, (int Status, byte[] Body)> answer, string host = "127.0.0.1")
    {
        _answer = answer;
        Address = $"http://{host}:{TestRegistry.FreePort()}";
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _ = ServeAsync();
    }

    /// <summary>Serves the files of a folder.</summary>
    public static FileServer OfFolder(string folder) => new(request =>
        Path.Combine(folder, request.Url!.AbsolutePath.TrimStart('/')) is var path && File.Exists(path) ? (200, File.ReadAllBytes(path)) : (404, []));

    /// <summary>Without a slash at its end.</summary>
    public string Address { get; }

    /// <summary>The paths that were asked for.</summary>
    public List<string> Requests { get; } = [];

    /// <inheritdoc />
    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                lock (Requests)
                    Requests.Add(context.Request.RawUrl!);
                var (status, body) = _answer(context.Request);
                if (status == 0)
                {
                    context.Response.ContentLength64 = 1 << 20;
                    await context.Response.OutputStream.WriteAsync("cut"u8.ToArray());
                    await context.Response.OutputStream.FlushAsync();
                    context.Response.Abort();
                    continue;
                }
                context.Response.StatusCode = status;
                context.Response.ContentType = body switch { [(byte)'{', ..] => "application/json", [(byte)'<', ..] => "text/html", _ => "application/octet-stream" };
                context.Response.ContentLength64 = body.Length;
                if (context.Request.HttpMethod != "HEAD")
                    await context.Response.OutputStream.WriteAsync(body);
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Disposed.
        }
    }
}
