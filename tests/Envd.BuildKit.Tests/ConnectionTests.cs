using System.Net;
using System.Net.Sockets;
using System.Text;
using Envd.BuildKit.Client;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

[TestClass]
[TestCategory("Engine")]
public sealed class ConnectionTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private static State Base => State.Image(TestEngine.BaseImage, new Platform("linux", "amd64"));

    [TestMethod]
    public async Task Solve_OverTcp_WithASession()
    {
        using var proxy = EngineProxy.OnTcp(TestEngine.Address(TestEngine.Containerd));
        using var folder = new TemporaryFolder();
        folder.Write("f", "over tcp");
        using var export = new TemporaryFolder();
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, proxy.Address));
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(State.Local("c", new LocalOptions()), "/f", "/f")])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("local", new Dictionary<string, string>())],
            Session = new SessionOptions
            {
                Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) },
                Exports = [new FolderExportTarget(export.Path)],
            },
        }, Token);
        Assert.AreEqual("over tcp", File.ReadAllText(export["f"]));
    }

    [TestMethod]
    public async Task Solve_ConnectionCut_IsOneClearException()
    {
        using var proxy = EngineProxy.OnTcp(TestEngine.Address(TestEngine.Containerd));
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, proxy.Address));
        var started = new TaskCompletionSource();
        var solve = client.SolveAsync(Marshaller.Marshal(Base.Run(new ExecOptions { Arguments = ["/bin/sh", "-c", $"echo {Guid.NewGuid():N}; sleep 60"] })).Definition,
            new SolveOptions { Session = new SessionOptions(), Progress = e => { if (e.Kind == ProgressKind.Log) started.TrySetResult(); } }, Token);
        await started.Task.WaitAsync(Token);
        proxy.Cut();
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => solve.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.IsTrue(e.WasConnected);
    }

    [TestMethod]
    public async Task Solve_AnEngineWithoutBuildKit_IsATypedException()
    {
        // An engine of the time before /grpc: it answers 404.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = Task.Run(async () =>
        {
            using var connection = await listener.AcceptTcpClientAsync(Token);
            await connection.GetStream().ReadAtLeastAsync(new byte[1024], 1, cancellationToken: Token);
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Token);
        }, Token);
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, $"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => client.GetEngineAsync(Token));
        Assert.AreEqual("buildkit", e.Capability);
    }

    [TestMethod]
    public async Task GetEngine_ThatTakesTheConnectionAndSaysNothing_EndsWithTheConnectTimeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, $"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"), new BuildKitClientOptions { ConnectTimeout = TimeSpan.FromSeconds(1) });
        await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => client.GetEngineAsync(Token).WaitAsync(TimeSpan.FromSeconds(5)));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_SshMount_ReachesTheAgent(string store)
    {
        using var agent = await SshAgentProcess.StartAsync(Token);
        // The agent's protocol by hand: 11 asks for identities, 12 answers with their number.
        var script = """
            use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die $!;
            print $s pack('NC', 1, 11); $s->flush; read($s, my $head, 9); my ($length, $type, $keys) = unpack('NCN', $head); print "type $type keys $keys\n";
            """;
        var state = Base.Run(new ExecOptions
        {
            Arguments = ["/usr/bin/perl", "-e", script + $"# {Guid.NewGuid()}"],
            Environment = [new("SSH_AUTH_SOCK", "/run/agent.sock")],
            Mounts = [new SshMount("/run/agent.sock")],
        });
        var lines = new List<string>();
        using var client = TestEngine.Client(store);
        await client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions
        {
            Session = new SessionOptions { SshAgents = new Dictionary<string, SshAgent> { ["default"] = SshAgent.AtSocket(agent.Socket) } },
            Progress = e => { if (e.Kind == ProgressKind.Log) lines.Add(e.Text!); },
        }, Token);
        CollectionAssert.Contains(lines, "type 12 keys 1");
    }

    [TestMethod]
    public async Task Solve_ImageExporter_IsFoundByItsFullName()
    {
        using var client = TestEngine.Client(TestEngine.Containerd);
        var result = await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new MakeFileAction("/f", "content"u8.ToArray(), 0x1A4)])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("image", new Dictionary<string, string> { ["name"] = "docker.io/envd-test/image:1" })],
        }, Token);
        StringAssert.StartsWith(result.Exporter["containerimage.digest"], "sha256:");
    }
}
