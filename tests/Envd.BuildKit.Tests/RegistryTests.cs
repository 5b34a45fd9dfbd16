using System.Net;
using System.Net.Sockets;
using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>A real registry that wants a login: Debian's docker-registry.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class RegistryTests
{
    // htpasswd -nbB -C 5 envd 'pa ss:wörd'
    private const string PasswordFile = "envd:$2y$05$yGXWmjxRKMQ7cpliz7B8aOSYL2K8wVjS1A.eJMR8bF2uJSI30ha2.\n";

    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task Push_ToARegistryWithPassword_TakesTheSessionsLogin()
    {
        if (Environment.UserName != "root" && !File.Exists("/usr/bin/docker-registry"))
            Assert.Inconclusive("docker-registry is not installed, and only root's eng/test.sh can install it.");
        using var folder = new TemporaryFolder();
        var port = FreePort();
        folder.Write("htpasswd", PasswordFile);
        folder.Write("config.yml", $"""
            version: 0.1
            log:
              level: error
            storage:
              filesystem:
                rootdirectory: {folder["data"]}
            http:
              addr: 127.0.0.1:{port}
            auth:
              htpasswd:
                realm: envd
                path: {folder["htpasswd"]}

            """);
        using var registry = Commands.Start("docker-registry", ["serve", folder["config.yml"]], folder.Path, new Dictionary<string, string?>());
        try
        {
            await ListeningAsync(port);
            var definition = Marshaller.Marshal(State.Scratch.File([new MakeFileAction("/f", Guid.NewGuid().ToByteArray(), 0x1A4)])).Definition;
            var name = $"127.0.0.1:{port}/team/image:1";
            var exporters = new[] { new ExporterOptions("image", new Dictionary<string, string> { ["name"] = name, ["push"] = "true" }) };
            using var client = TestEngine.Client(TestEngine.Containerd);

            var refused = await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(definition,
                new SolveOptions { Exporters = exporters, Session = new SessionOptions { Credentials = new Login("wrong") } }, Token));
            StringAssert.Contains(refused.Message, "401");

            await client.SolveAsync(definition, new SolveOptions { Exporters = exporters, Session = new SessionOptions { Credentials = new Login("pa ss:wörd") } }, Token);
            Assert.IsTrue(Directory.Exists(folder["data/docker/registry/v2/repositories/team/image/_manifests/tags/1"]));
        }
        finally
        {
            registry.Kill();
        }
    }

    private sealed class Login(string password) : IRegistryCredentials
    {
        public Task<RegistryLogin?> FindAsync(string host, CancellationToken cancellationToken) => Task.FromResult<RegistryLogin?>(new RegistryLogin("envd", password));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ListeningAsync(int port)
    {
        for (var i = 0; i < 200; i++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50, Token);
            }
        }
        Assert.Fail("docker-registry does not listen.");
    }
}
