using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Envd.Testing;

/// <summary>An https server whose certificate a company of its own has issued: nobody trusts it who was not told to.</summary>
public sealed class TlsFileServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly Func<string, byte[]?> _answer;
    private readonly string? _login;

    /// <summary>Starts a server.</summary>
    /// <param name="answer">From a path to what lies there; null answers 404.</param>
    /// <param name="login">A user and a password with ':' between them, which it wants to see; null is none.</param>
    public TlsFileServer(Func<string, byte[]?> answer, string? login = null)
    {
        _answer = answer;
        _login = login is null ? null : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(login));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Company", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Authority = authority.ExportCertificatePem();
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issue = new CertificateRequest("CN=localhost", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        issue.CertificateExtensions.Add(names.Build());
        issue.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        using var issued = issue.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), Guid.NewGuid().ToByteArray());
        _certificate = X509CertificateLoader.LoadPkcs12(issued.CopyWithPrivateKey(own).Export(X509ContentType.Pfx), null);
        _listener.Start();
        Address = $"https://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _ = AcceptAsync();
    }

    /// <summary>Without a slash at its end.</summary>
    public string Address { get; }

    /// <summary>The company's certificate in PEM.</summary>
    public string Authority { get; }

    /// <inheritdoc />
    public void Dispose()
    {
        _listener.Stop();
        _certificate.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    // One request a connection, as HTTP/1.0 has it.
    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                await using var stream = new SslStream(client.GetStream());
                await stream.AuthenticateAsServerAsync(_certificate);
                var head = new StringBuilder();
                var buffer = new byte[4096];
                while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
                {
                    var count = await stream.ReadAsync(buffer);
                    if (count == 0)
                        return;
                    head.Append(Encoding.ASCII.GetString(buffer, 0, count));
                }
                if (_login is not null && !head.ToString().Contains($"Authorization: {_login}\r\n", StringComparison.OrdinalIgnoreCase))
                {
                    await stream.WriteAsync("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"index\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
                    return;
                }
                var body = _answer(head.ToString().Split(' ')[1]);
                var type = body is [(byte)'<', ..] ? "text/html" : "application/octet-stream";
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(body is null ? "404 Not Found" : "200 OK")}\r\nContent-Type: {type}\r\nContent-Length: {body?.Length ?? 0}\r\nConnection: close\r\n\r\n"));
                await stream.WriteAsync(body ?? []);
                // Without its end OpenSSL takes the whole answer for one that was cut off.
                await stream.ShutdownAsync();
            }
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException or SocketException)
        {
            // A client that does not trust us goes away.
        }
    }
}
