using System.Net.Sockets;
using System.Text;

namespace Envd.BuildKit.Transport;

/// <summary>Opens byte streams to an engine.</summary>
public sealed class EngineDialer(EngineAddress address, TimeSpan connectTimeout)
{
    private const int MaximumHead = 16 * 1024;

    /// <summary>The engine's address.</summary>
    public EngineAddress Address { get; } = address;

    /// <summary>A stream that speaks HTTP/2 with BuildKit's control service.</summary>
    public Task<Stream> DialControlAsync(CancellationToken cancellationToken) =>
        Address.Kind == EngineKind.Docker ? UpgradeAsync("/grpc", [], cancellationToken) : DialAsync(cancellationToken);

    /// <summary>A raw connection to the engine's socket.</summary>
    /// <exception cref="EngineUnavailableException">Nothing answers there in time.</exception>
    public async Task<Stream> DialAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(connectTimeout);
        var socket = Address.SocketPath is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (Address.SocketPath is { } path)
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), timeout.Token);
            else
                await socket.ConnectAsync(Address.Uri.Host, Address.Uri.Port, timeout.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            var reason = e is SocketException s ? Describe(s) : $"no answer within {connectTimeout.TotalSeconds:0} s";
            throw new EngineUnavailableException(Address.ToString(), $"No engine answers at {Address}: {reason}.", inner: e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Asks dockerd to hand a connection over (<c>Upgrade: h2c</c>) and returns what lies behind.</summary>
    /// <exception cref="CapabilityException">Something answers that has no BuildKit.</exception>
    public async Task<Stream> UpgradeAsync(string path, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        var stream = await DialAsync(cancellationToken);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(connectTimeout);
        try
        {
            var request = new StringBuilder($"POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n");
            foreach (var (name, value) in headers)
                request.Append(name).Append(": ").Append(value).Append("\r\n");
            request.Append("\r\n");
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request.ToString()), timeout.Token);
            var head = await ReadHeadAsync(stream, timeout.Token);
            var status = head[..Math.Max(0, head.IndexOf('\r', StringComparison.Ordinal))];
            if (!status.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
                throw new CapabilityException("buildkit", $"{Address} answers, but offers no BuildKit at {path} ({status}).");
            return stream;
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            await stream.DisposeAsync();
            var reason = e is OperationCanceledException ? $"no answer within {connectTimeout.TotalSeconds:0} s" : e.Message;
            throw new EngineUnavailableException(Address.ToString(), $"The engine at {Address} took the connection but did not answer: {reason}.", inner: e);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    // Byte by byte: what follows the head is HTTP/2 and belongs to the next reader.
    private static async Task<string> ReadHeadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (head.Length < MaximumHead)
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0)
                throw new IOException("the connection was closed");
            head.Append((char)one[0]);
            if (one[0] == '\n' && head.Length >= 4 && head[^2] == '\r' && head[^3] == '\n')
                return head.ToString();
        }
        throw new IOException("the answer's head is too long");
    }

    private static string Describe(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable or SocketError.NotSocket => "there is no such socket",
        SocketError.ConnectionRefused => "the connection is refused (is the engine running?)",
        SocketError.AccessDenied => "this user may not open the socket (is the user in the group that owns it?)",
        _ => e.Message,
    };
}
