using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Envd.BuildKit.Transport;

/// <summary>How a connection is encrypted: files in PEM, as docker and buildctl keep them.</summary>
public sealed record TlsOptions
{
    /// <summary>Certificates of those whom the client trusts; null trusts those of the machine.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>The client's certificate; null shows none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>The key of <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>The name that the server's certificate must have; null is the address' host.</summary>
    public string? ServerName { get; init; }

    /// <summary>Does not check the server's certificate.</summary>
    public bool SkipVerify { get; init; }

    /// <summary>The files ca.pem, cert.pem and key.pem of a folder, those of them that are there.</summary>
    public static TlsOptions FromFolder(string folder, bool skipVerify = false)
    {
        return new TlsOptions { AuthorityFile = Existing("ca.pem"), CertificateFile = Existing("cert.pem"), KeyFile = Existing("key.pem"), SkipVerify = skipVerify };

        string? Existing(string name) => Path.Combine(folder, name) is var path && File.Exists(path) ? path : null;
    }

    /// <summary>The framework's form of these options.</summary>
    /// <exception cref="BuildKitException">A file is missing or is no certificate or key.</exception>
    internal SslClientAuthenticationOptions ToClientOptions(string host, EngineKind kind)
    {
        try
        {
            var options = new SslClientAuthenticationOptions { TargetHost = ServerName ?? host };
            // gRPC's server refuses a client that does not ask for HTTP/2; dockerd's upgrade needs HTTP/1.1.
            options.ApplicationProtocols = kind == EngineKind.BuildKit ? [SslApplicationProtocol.Http2] : [SslApplicationProtocol.Http11];
            if (SkipVerify)
            {
#pragma warning disable CA5359 // the user asked for it
                options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
            }
            else if (AuthorityFile is not null)
            {
                options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                options.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(AuthorityFile);
            }
            if (CertificateFile is not null)
                options.ClientCertificates = [X509Certificate2.CreateFromPemFile(CertificateFile, KeyFile)];
            return options;
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw new BuildKitException($"The certificates for {host} cannot be used: {e.Message}", e);
        }
    }
}
