using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Envd.Testing;

/// <summary>A real registry, Debian's docker-registry, on a port of its own.</summary>
public sealed class TestRegistry : IDisposable
{
    // htpasswd -nbB -C 5 envd 'pa ss:wörd'
    private const string PasswordFile = "envd:$2y$05$yGXWmjxRKMQ7cpliz7B8aOSYL2K8wVjS1A.eJMR8bF2uJSI30ha2.\n";

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;

    private TestRegistry(Func<TemporaryFolder, string> auth)
    {
        if (Environment.UserName != "root" && !File.Exists("/usr/bin/docker-registry"))
            Assert.Inconclusive("docker-registry is not installed, and only root's eng/test.sh can install it.");
        var port = FreePort();
        Host = $"127.0.0.1:{port}";
        _folder.Write("config.yml", $"""
            version: 0.1
            log:
              level: error
            storage:
              filesystem:
                rootdirectory: {_folder["data"]}
            http:
              addr: {Host}
            {auth(_folder)}

            """);
        _process = Commands.Start("docker-registry", ["serve", _folder["config.yml"]], _folder.Path, new Dictionary<string, string?>());
        Listening(port);
    }

    /// <summary>The password of the user <c>envd</c>.</summary>
    public const string Password = "pa ss:wörd";

    /// <summary>As image names have it.</summary>
    public string Host { get; }

    /// <summary>A registry for everyone.</summary>
    public static TestRegistry Open() => new(_ => "");

    /// <summary>A registry that wants <see cref="Password"/>.</summary>
    public static TestRegistry WithPassword() => new(folder =>
    {
        folder.Write("htpasswd", PasswordFile);
        return $"auth:\n  htpasswd:\n    realm: envd\n    path: {folder["htpasswd"]}";
    });

    /// <summary>A registry that wants a token of a server.</summary>
    /// <param name="realm">The server's address.</param>
    /// <param name="certificate">What its tokens are signed with, in PEM.</param>
    public static TestRegistry WithTokens(string realm, string certificate) => new(folder =>
    {
        folder.Write("issuer.pem", certificate);
        return $"auth:\n  token:\n    realm: {realm}\n    service: envd\n    issuer: envd\n    rootcertbundle: {folder["issuer.pem"]}";
    });

    /// <summary>Does the registry hold this tag?</summary>
    public bool Has(string repository, string tag) => Directory.Exists(_folder[$"data/docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}"]);

    /// <summary>The manifest, or index, of a tag.</summary>
    public byte[] Manifest(string repository, string tag) => Blob(File.ReadAllText(_folder[$"data/docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/current/link"]).Trim());

    /// <summary>What was pushed under a digest, <c>sha256:…</c>.</summary>
    public byte[] Blob(string digest) => File.ReadAllBytes(_folder[$"data/docker/registry/v2/blobs/sha256/{digest[7..9]}/{digest[7..]}/data"]);

    /// <inheritdoc />
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }

    /// <summary>A port that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Listening(int port)
    {
        for (var i = 0; i < 200; i++)
        {
            try
            {
                using var probe = new TcpClient();
                probe.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                Assert.IsFalse(_process.HasExited, "docker-registry ended: " + (_process.HasExited ? _process.StandardError.ReadToEnd() : ""));
                Thread.Sleep(50);
            }
        }
        Assert.Fail("docker-registry does not listen.");
    }
}
