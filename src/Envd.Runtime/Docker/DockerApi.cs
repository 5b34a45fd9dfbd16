using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Envd.BuildKit;
using Envd.BuildKit.Transport;

namespace Envd.Runtime.Docker;

/// <summary>
/// The calls of the Docker Engine API (https://docs.docker.com/engine/api/v1.44/) that an environment's start needs. Docker.DotNet can take
/// the implementation's place where it restores.
/// </summary>
public interface IDockerApi : IDisposable
{
    /// <summary>GET; null where the engine answers 404.</summary>
    Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken);

    /// <summary>POST; the answer, or null where it is empty.</summary>
    Task<JsonNode?> PostAsync(string path, JsonNode? body, CancellationToken cancellationToken);

    /// <summary>DELETE; what is not there is no error.</summary>
    Task DeleteAsync(string path, CancellationToken cancellationToken);

    /// <summary>Unpacks a tar archive into a container.</summary>
    Task PutArchiveAsync(string container, string path, Stream tar, CancellationToken cancellationToken);

    /// <summary>Reads a file of a container as a tar archive; null where it is not there.</summary>
    Task<Stream?> GetArchiveAsync(string container, string path, CancellationToken cancellationToken);

    /// <summary>POST that hands the connection over: the raw stream behind it.</summary>
    Task<Stream> AttachAsync(string path, JsonNode body, CancellationToken cancellationToken);
}

/// <summary>The Docker Engine API over the framework's own HTTP client.</summary>
public sealed class DockerApi : IDockerApi
{
    private const string Version = "v1.41";

    private readonly EngineDialer _dialer;
    private readonly Lazy<HttpClient> _lazyHttp;

    /// <summary>Makes a client; the connection is opened by the first call.</summary>
    public DockerApi(EngineAddress address, TimeSpan? connectTimeout = null)
    {
        _dialer = new EngineDialer(address, connectTimeout ?? TimeSpan.FromSeconds(10));
        _lazyHttp = new Lazy<HttpClient>(MakeHttp);
    }

    private HttpClient MakeHttp() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) => await _dialer.DialAsync(cancellationToken),
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
    })
    {
        BaseAddress = new Uri($"http://engine/{Version}/"),
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <inheritdoc />
    public async Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken)
    {
        if (BlockingGet.Try(_dialer.Address, $"/{Version}/{path}") is { } answer && answer.Status is 200 or 404)
            return answer.Status == 404 || answer.Body.Length == 0 ? null : JsonNode.Parse(answer.Body);
        using var response = await SendAsync(HttpMethod.Get, path, null, cancellationToken);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync(response, cancellationToken);
    }

    /// <inheritdoc />
    public async Task<JsonNode?> PostAsync(string path, JsonNode? body, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Post, path, Json(body), cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <inheritdoc />
    public async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Delete, path, null, cancellationToken);
        if (response.StatusCode != HttpStatusCode.NotFound)
            await ReadAsync(response, cancellationToken);
    }

    /// <inheritdoc />
    public async Task PutArchiveAsync(string container, string path, Stream tar, CancellationToken cancellationToken)
    {
        using var content = new StreamContent(tar);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        using var response = await SendAsync(HttpMethod.Put, $"containers/{container}/archive?path={Uri.EscapeDataString(path)}", content, cancellationToken);
        await ReadAsync(response, cancellationToken);
    }

    /// <inheritdoc />
    public async Task<Stream?> GetArchiveAsync(string container, string path, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Get, $"containers/{container}/archive?path={Uri.EscapeDataString(path)}", null, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
            return null;
        await ThrowIfFailedAsync(response, cancellationToken);
        return new MemoryStream(await response.Content.ReadAsByteArrayAsync(cancellationToken));
    }

    /// <inheritdoc />
    public async Task<Stream> AttachAsync(string path, JsonNode body, CancellationToken cancellationToken)
    {
        var stream = await _dialer.DialAsync(cancellationToken);
        try
        {
            var json = Encoding.UTF8.GetBytes(body.ToJsonString());
            var head = $"POST /{Version}/{path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), cancellationToken);
            await stream.WriteAsync(json, cancellationToken);
            var answer = new StringBuilder();
            var one = new byte[1];
            while (!answer.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                if (await stream.ReadAsync(one, cancellationToken) == 0 || answer.Length > 16 * 1024)
                    throw new DockerApiException(0, "The engine closed the connection.");
                answer.Append((char)one[0]);
            }
            if (!answer.ToString().StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
                throw new DockerApiException(0, $"The engine did not hand the connection over: {answer.ToString().Split('\r')[0]}");
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_lazyHttp.IsValueCreated)
            _lazyHttp.Value.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        try
        {
            return await _lazyHttp.Value.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            for (Exception? inner = e; inner is not null; inner = inner.InnerException)
                if (inner is EngineUnavailableException unavailable)
                    throw unavailable;
            throw new EngineUnavailableException(_dialer.Address.ToString(), $"The connection to the engine at {_dialer.Address} was lost.", true, e);
        }
    }

    private static async Task<JsonNode?> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await ThrowIfFailedAsync(response, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return bytes.Length == 0 || response.Content.Headers.ContentType?.MediaType != "application/json" ? null : JsonNode.Parse(bytes);
    }

    private static async Task ThrowIfFailedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if ((int)response.StatusCode < 400)
            return;
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        try
        {
            text = JsonNode.Parse(text)?["message"]?.GetValue<string>() ?? text;
        }
        catch (JsonException)
        {
            // Not the engine's own form of an error: shown as it came.
        }
        throw new DockerApiException((int)response.StatusCode, text.Trim());
    }

    private static ByteArrayContent Json(JsonNode? body)
    {
        var content = new ByteArrayContent(body is null ? [] : Encoding.UTF8.GetBytes(body.ToJsonString()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}

/// <summary>The engine refused a call.</summary>
public sealed class DockerApiException(int status, string message) : Exception(message)
{
    /// <summary>HTTP's status; 0 where there was none.</summary>
    public int Status { get; } = status;
}
