using System.Diagnostics;
using System.Text;
using Envd.BuildKit.Client;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

[TestClass]
[TestCategory("Engine")]
public sealed class SolveTests
{
    private static readonly Platform Platform = new("linux", "amd64");

    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private static State Base => State.Image(TestEngine.BaseImage, Platform);

    private static ExecOptions Shell(string script, params ExecMount[] mounts) =>
        new() { Arguments = ["/bin/sh", "-euc", script], Mounts = mounts };

    [TestMethod]
    [DataRow(TestEngine.Containerd, true)]
    [DataRow(TestEngine.Graphdriver, false)]
    public async Task GetEngine_OnEachStore_SaysWhetherItMerges(string store, bool merges)
    {
        using var client = TestEngine.Client(store);
        var engine = await client.GetEngineAsync(Token);
        Assert.IsTrue(engine.IsDocker);
        Assert.AreEqual(merges, engine.CanMerge);
        Assert.AreEqual(store, engine.ImageStore);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_WithThousandsOfPatterns_SendsWhatTheyName(string store)
    {
        using var folder = new TemporaryFolder();
        using var export = new TemporaryFolder();
        for (var i = 0; i < 3000; i++)
            folder.Write($"a-file-with-a-name-of-some-length-{i}.txt", "x");
        folder.Write("not-named.txt", "x");
        var names = Enumerable.Range(0, 3000).Select(i => $"a-file-with-a-name-of-some-length-{i}.txt").ToList();
        using var client = TestEngine.Client(store);
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(State.Local("context", new LocalOptions { IncludePatterns = names }), "/", "/") { ContentsOnly = true }])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("local", new Dictionary<string, string>())],
            Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["context"] = new(folder.Path, []) }, Exports = [new FolderExportTarget(export.Path)] },
        }, Token);
        Assert.HasCount(3000, Directory.GetFiles(export.Path));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_WithLocalFolder_SendsWhatIsNamedAndCachesTheRest(string store)
    {
        using var folder = new TemporaryFolder("context ü");
        folder.Write("kept/a.txt", "one");
        folder.Write("kept/sub/b.txt", "two");
        folder.Write("left/c.txt", "three");
        using var export = new TemporaryFolder();
        var unique = Guid.NewGuid().ToString("N");
        var local = State.Local("context", new LocalOptions { IncludePatterns = ["kept/**"], SharedKeyHint = unique });
        var state = Base.Run(Shell($"echo {unique}; cp -r /in /out; ls -R /in", new BindMount("/in", local)), new VertexOptions { Name = "copy it" });
        var result = State.Scratch.File([new CopyAction(state, "/out", "/")]);
        var options = new SolveOptions
        {
            Exporters = [new ExporterOptions("local", new Dictionary<string, string>())],
            Session = new SessionOptions
            {
                Folders = new Dictionary<string, LocalFolder> { ["context"] = new(folder.Path, []) },
                Exports = [new FolderExportTarget(export.Path)],
            },
        };
        using var client = TestEngine.Client(store);

        await client.SolveAsync(Marshaller.Marshal(result).Definition, options, Token);

        Assert.AreEqual("two", File.ReadAllText(export["out/kept/sub/b.txt"]));
        Assert.IsFalse(Directory.Exists(export["out/left"]));
        var again = await client.SolveAsync(Marshaller.Marshal(result).Definition, options, Token);
        Assert.IsTrue(again.Vertices.Single(v => v.Name == "copy it").Cached);
        folder.Write("kept/a.txt", "changed");
        var changed = await client.SolveAsync(Marshaller.Marshal(result).Definition, options, Token);
        Assert.IsFalse(changed.Vertices.Single(v => v.Name == "copy it").Cached);
        Assert.AreEqual("changed", File.ReadAllText(export["out/kept/a.txt"]));
    }

    [TestMethod]
    public async Task Solve_MergeOfDiffs_HoldsBoth()
    {
        using var export = new TemporaryFolder();
        var left = State.Diff(Base, Base.Run(Shell("mkdir -p /opt/left && echo l > /opt/left/f")));
        var right = State.Diff(Base, Base.Run(Shell("mkdir -p /opt/right && echo r > /opt/right/f")));
        var merged = State.Merge([Base, left, right, State.Scratch.File([new MakeFileAction("/file", Encoding.UTF8.GetBytes("x"), 0x1A4)])]);
        var check = merged.Run(Shell("cat /opt/left/f /opt/right/f /file > /all && test -x /usr/bin/env"));
        using var client = TestEngine.Client(TestEngine.Containerd);
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(check, "/all", "/all")])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("local", new Dictionary<string, string>())],
            Session = new SessionOptions { Exports = [new FolderExportTarget(export.Path)] },
        }, Token);
        Assert.AreEqual("l\nr\nx", File.ReadAllText(export["all"]));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_FailingStep_TellsStepExitCodeAndLastLines(string store)
    {
        var state = Base.Run(Shell("echo so far; sleep 0.5; echo trouble >&2; exit 3"), new VertexOptions { Name = "the step" });
        using var client = TestEngine.Client(store);
        var e = await Assert.ThrowsExactlyAsync<SolveException>(() =>
            client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions(), Token));
        Assert.AreEqual("the step", e.Step!.Name);
        Assert.AreEqual(3, e.Step.ExitCode);
        CollectionAssert.AreEqual(new[] { "so far", "trouble" }, e.Step.LogTail.ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Build_Driven_ExportsAnImageWithItsConfiguration(string store)
    {
        using var client = TestEngine.Client(store);
        var name = "docker.io/envd-test/driven:" + store;
        var result = await client.BuildAsync(async (gateway, ct) =>
        {
            var image = await gateway.ResolveImageAsync(TestEngine.BaseImage, Platform, ct);
            Assert.IsGreaterThan(0, image.Configuration.Length);
            var caps = await gateway.GetCapabilitiesAsync(ct);
            Assert.AreEqual(store != TestEngine.Graphdriver, caps.Contains("mergeop"));
            var solved = await gateway.SolveAsync(Marshaller.Marshal(Base.Run(Shell("echo hello > /hello"))).Definition, ct);
            return new GatewayResult(solved, new Dictionary<string, ReadOnlyMemory<byte>>
            {
                ["containerimage.config"] = """{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"},"Cmd":["cat","/hello"]}}"""u8.ToArray(),
            });
        }, new SolveOptions { Exporters = [new ExporterOptions(store == TestEngine.Standalone ? "image" : "moby", new Dictionary<string, string> { ["name"] = name })] }, Token);
        StringAssert.StartsWith(result.Exporter["containerimage.config.digest"], "sha256:");
    }

    [TestMethod]
    public async Task Solve_SecretMount_ReachesTheStepAlone()
    {
        var unique = Guid.NewGuid().ToString("N");
        var state = Base.Run(Shell($"test \"$(cat /run/secrets/token)\" = s3cret-{unique}", new SecretMount("/run/secrets/token", "token")));
        using var client = TestEngine.Client(TestEngine.Containerd);
        var lines = new List<string>();
        await client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions
        {
            Session = new SessionOptions { Secrets = id => id == "token" ? Encoding.UTF8.GetBytes($"s3cret-{unique}") : null },
            Progress = e => lines.Add(e.ToString()),
        }, Token);
        Assert.IsFalse(lines.Exists(l => l.Contains("s3cret-" + unique, StringComparison.Ordinal) && l.Contains("Log", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_Cancelled_EndsWithinTwoSeconds(string store)
    {
        using var client = TestEngine.Client(store);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var started = new TaskCompletionSource();
        var state = Base.Run(Shell($"echo {Guid.NewGuid():N}; sleep 300"));
        var solve = client.SolveAsync(Marshaller.Marshal(state).Definition,
            new SolveOptions { Progress = e => { if (e.Kind == ProgressKind.Log) started.TrySetResult(); } }, stop.Token);
        await started.Task.WaitAsync(Token);
        var clock = Stopwatch.StartNew();
        await stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => solve);
        Assert.IsLessThan(2000, clock.ElapsedMilliseconds);
    }

    [TestMethod]
    public async Task GetEngine_NothingListens_NamesTheAddress()
    {
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, "unix:///nowhere/docker.sock"));
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => client.GetEngineAsync(Token));
        Assert.AreEqual("unix:///nowhere/docker.sock", e.Address);
        Assert.IsFalse(e.WasConnected);
    }

    [TestMethod]
    public async Task Solve_OciExport_WritesTheArchive()
    {
        using var export = new TemporaryFolder();
        using var client = TestEngine.Client(TestEngine.Containerd);
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new MakeFileAction("/f", new byte[10], 0x1A4)])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("oci", new Dictionary<string, string>())],
            Session = new SessionOptions { Exports = [new FileExportTarget(export["image.tar"])] },
        }, Token);
        Assert.IsGreaterThan(1024, new FileInfo(export["image.tar"]).Length);
        Assert.IsFalse(File.Exists(export["image.tar.partial"]));
    }

    [TestMethod]
    public async Task Solve_MergeOnAnEngineWithout_IsRefusedBeforeAnythingRuns()
    {
        using var client = TestEngine.Client(TestEngine.Graphdriver);
        var state = State.Merge([Base, State.Scratch.File([new MakeFileAction("/f", default, 0x1A4)])]);
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() =>
            client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions(), Token));
        Assert.AreEqual("mergeop", e.Capability);
    }
}
