using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Envd.BuildKit.Transport;

namespace Envd.Testing;

/// <summary>
/// A buildkitd as a client sees one: plain gRPC, with TLS if wanted, in front of the BuildKit that a dockerd holds behind its upgrade of /grpc.
/// </summary>
public sealed class GrpcBridge : IDisposable
{
    private readonly Socket _listener;
    private readonly EngineDialer _engine;
    private readonly SslServerAuthenticationOptions? _tls;
    private readonly CancellationTokenSource _end = new();

    private GrpcBridge(Socket listener, string engine, string address, SslServerAuthenticationOptions? tls)
    {
        _listener = listener;
        _engine = new EngineDialer(EngineAddress.Parse(EngineKind.Docker, engine), TimeSpan.FromSeconds(10));
        _tls = tls;
        Address = address;
        listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>As BUILDKIT_HOST has it.</summary>
    public string Address { get; }

    /// <summary>Listens on a unix socket.</summary>
    public static GrpcBridge OnSocket(string engine, string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        return new GrpcBridge(listener, engine, "unix://" + path, null);
    }

    /// <summary>Listens on TCP with TLS, for clients whose certificate <paramref name="authority"/> has issued.</summary>
    public static GrpcBridge OnTls(string engine, X509Certificate2 server, X509Certificate2 authority)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return new GrpcBridge(listener, engine, $"tcp://localhost:{((IPEndPoint)listener.LocalEndPoint!).Port}", new SslServerAuthenticationOptions
        {
            ServerCertificate = server,
            ClientCertificateRequired = true,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck },
        });
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync(_end.Token));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using Stream raw = new NetworkStream(socket, ownsSocket: true);
            Stream client = raw;
            if (_tls is not null)
            {
                var encrypted = new SslStream(raw);
                await encrypted.AuthenticateAsServerAsync(_tls, _end.Token);
                client = encrypted;
            }
            await using var engine = await _engine.DialControlAsync(_end.Token);
            await Task.WhenAny(client.CopyToAsync(engine, _end.Token), engine.CopyToAsync(client, _end.Token));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or is not let in.
        }
    }
}
