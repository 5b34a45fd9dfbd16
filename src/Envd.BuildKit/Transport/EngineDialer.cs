using System.IO.Pipes;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Envd.BuildKit.Transport;

/// <summary>Opens byte streams to an engine.</summary>
/// <param name="address">Where the engine is.</param>
/// <param name="connectTimeout">How long it may take to answer at all.</param>
public sealed class EngineDialer(EngineAddress address, TimeSpan connectTimeout)
{
    private const int MaximumHead = 16 * 1024;

    /// <summary>The engine's address.</summary>
    public EngineAddress Address { get; } = address;

    /// <summary>A stream that speaks HTTP/2 with BuildKit's control service.</summary>
    public async Task<Stream> DialControlAsync(CancellationToken cancellationToken)
    {
        var stream = Address.Kind == EngineKind.Docker ? await UpgradeAsync("/grpc", [], cancellationToken) : await DialAsync(cancellationToken);
        return new FirstAnswerStream(stream, connectTimeout);
    }

    /// <summary>A raw connection to the engine.</summary>
    /// <exception cref="EngineUnavailableException">Nothing answers there in time.</exception>
    public async Task<Stream> DialAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(connectTimeout);
        try
        {
            if (Address.PipeName is { } pipe)
                return await DialPipeAsync(pipe, timeout.Token);
            if (ConnectionCommand.For(Address) is { } command)
                return ProcessStream.Start(command);
            return await DialSocketAsync(timeout.Token);
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or TimeoutException or UnauthorizedAccessException
            or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new EngineUnavailableException(Address.ToString(), $"No engine answers at {Address}: {Describe(e)}.", inner: e);
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
            await stream.FlushAsync(timeout.Token);
            var head = await ReadHeadAsync(stream, timeout.Token);
            var status = head[..Math.Max(0, head.IndexOf('\r', StringComparison.Ordinal))];
            if (!status.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
                throw new CapabilityException("buildkit", $"{Address} answers, but offers no BuildKit at {path} ({status}).");
            return stream;
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            await stream.DisposeAsync();
            throw new EngineUnavailableException(Address.ToString(), $"The engine at {Address} took the connection but did not answer: {Describe(e)}.", inner: e);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private async Task<Stream> DialSocketAsync(CancellationToken cancellationToken)
    {
        var socket = Address.SocketPath is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (Address.SocketPath is { } path)
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            else
                await socket.ConnectAsync(Address.Uri.DnsSafeHost, Address.Uri.Port, cancellationToken);
            var stream = new NetworkStream(socket, ownsSocket: true);
            return Address.Tls is { } tls ? await EncryptAsync(stream, tls, cancellationToken) : stream;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Stream> EncryptAsync(Stream inner, TlsOptions tls, CancellationToken cancellationToken)
    {
        var stream = new SslStream(inner);
        try
        {
            await stream.AuthenticateAsClientAsync(tls.ToClientOptions(Address.Uri.DnsSafeHost, Address.Kind), cancellationToken);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private static async Task<Stream> DialPipeAsync(string name, CancellationToken cancellationToken)
    {
        var pipe = new NamedPipeClientStream(".", name, PipeDirection.InOut, PipeOptions.Asynchronous);
        try
        {
            await pipe.ConnectAsync(cancellationToken);
            return pipe;
        }
        catch
        {
            await pipe.DisposeAsync();
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

    private string Describe(Exception e) => e switch
    {
        OperationCanceledException => $"no answer within {connectTimeout.TotalSeconds:0.#} s",
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.NotSocket } => "there is no such socket",
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "the connection is refused (is the engine running?)",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "this user may not open the socket (is the user in the group that owns it?)",
        AuthenticationException => $"the encrypted connection failed: {e.InnerException?.Message ?? e.Message}".TrimEnd('.'),
        _ => e.Message.TrimEnd('.'),
    };
}
