using System.Formats.Tar;
using System.Text.Json;
using Envd.BuildKit.Client;
using Envd.BuildKit.Content;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Progress.Renderers;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>What a solve returns, exports and leaves behind; frontends; failures.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class ResultTests : EngineTest
{
    private static State Small => State.Scratch.File([new MakeFileAction("/f", Guid.NewGuid().ToByteArray(), 0x1A4)]);

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Dockerfile_BuildsByTheEnginesOwnFrontend(string engine)
    {
        using var folder = new TemporaryFolder();
        using var export = new TemporaryFolder();
        folder.Write("Dockerfile", $"FROM {TestEngine.BaseImage}\nARG WHO=nobody\nCOPY link /copied\nRUN --network=none echo \"hello $WHO\" > /hello\nFROM scratch\nCOPY --from=0 /hello /copied /\n");
        folder.Write("real", Guid.NewGuid().ToString("N"));
        File.CreateSymbolicLink(folder["link"], "real");
        using var client = TestEngine.Client(engine);
        var context = new LocalFolder(folder.Path, []);
        await client.SolveAsync(new FrontendOptions { Name = "dockerfile.v0", Attributes = new Dictionary<string, string> { ["build-arg:WHO"] = "you" } }, new SolveOptions
        {
            Exporters = [new ExporterOptions("local")],
            Session = new SessionOptions
            {
                Folders = new Dictionary<string, LocalFolder> { ["context"] = context, ["dockerfile"] = context },
                Exports = [new FolderExportTarget(export.Path)],
            },
        }, Token);
        Assert.AreEqual("hello you\n", File.ReadAllText(export["hello"]));
        Assert.AreEqual(File.ReadAllText(folder["real"]), File.ReadAllText(export["copied"]));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Dockerfile_ThatIsWrong_NamesItsLine(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("Dockerfile", "FROM scratch\nRUNN nothing\n");
        using var client = TestEngine.Client(engine);
        var context = new LocalFolder(folder.Path, []);
        var e = await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(new FrontendOptions { Name = "dockerfile.v0" }, new SolveOptions
        {
            Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["context"] = context, ["dockerfile"] = context } },
        }, Token));
        StringAssert.Contains(e.Message, "RUNN");
        StringAssert.Contains(e.Message, "line 2");
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Exporters_SeveralAtOnce(string engine)
    {
        using var export = new TemporaryFolder();
        using var client = TestEngine.Client(engine);
        var result = await client.SolveAsync(Marshaller.Marshal(Small).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("oci"), new ExporterOptions("tar"), new ExporterOptions("local"), new ExporterOptions("image", new Dictionary<string, string> { ["name"] = "docker.io/envd-test/several:1" })],
            Session = new SessionOptions { Exports = [new FileExportTarget(export["a.tar"]), new FileExportTarget(export["b.tar"]), new FolderExportTarget(export["c"]), null] },
        }, Token);
        Assert.IsTrue(File.Exists(export["a.tar"]) && File.Exists(export["b.tar"]) && File.Exists(export["c/f"]));
        StringAssert.StartsWith(result.Exporter["containerimage.digest"], "sha256:");
    }

    [TestMethod]
    [DataRow("image")]
    [DataRow("oci")]
    public async Task Exporter_OnAnEngineWithout_IsATypedExceptionBeforeAnythingRuns(string exporter)
    {
        using var client = TestEngine.Client(TestEngine.Graphdriver);
        var ran = false;
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => client.SolveAsync(Marshaller.Marshal(Base.Run(Shell("true"))).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions(exporter, new Dictionary<string, string> { ["name"] = "docker.io/envd-test/x:1" })],
            Session = new SessionOptions { Exports = [new FileExportTarget("/nowhere/x.tar")] },
            Progress = p => ran |= p.Kind == ProgressKind.Started,
        }, Token));
        Assert.AreEqual("exporter." + exporter, e.Capability);
        Assert.IsFalse(ran);
    }

    [TestMethod]
    public async Task CacheExport_OnAnEngineWithout_IsATypedException()
    {
        using var folder = new TemporaryFolder();
        using var client = TestEngine.Client(TestEngine.Graphdriver);
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => client.SolveAsync(Marshaller.Marshal(Small).Definition,
            new SolveOptions { CacheExports = [CacheOptions.Local(folder.Path)] }, Token));
        StringAssert.Contains(e.Capability, "local");
    }

    [TestMethod]
    public async Task Frontend_ThatTheEngineLacks_IsATypedException()
    {
        using var client = TestEngine.Client(TestEngine.Containerd);
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => client.SolveAsync(new FrontendOptions { Name = "nonesuch.v9" }, new SolveOptions(), Token));
        Assert.AreEqual("frontend.nonesuch.v9", e.Capability);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Gateway_Container_RunsProcessesUponWhatWasSolved(string engine)
    {
        using var client = TestEngine.Client(engine);
        await client.BuildAsync(async (gateway, ct) =>
        {
            var root = await gateway.SolveAsync(Marshaller.Marshal(Base).Definition, ct);
            var files = await gateway.SolveAsync(Marshaller.Marshal(State.Scratch.File([new MakeFileAction("/f", "content\n"u8.ToArray(), 0x1A4)])).Definition, ct);
            await using (var container = await gateway.CreateContainerAsync(new GatewayContainerOptions
            {
                Root = root,
                Mounts = [new GatewayMount("/files", files, IsReadOnly: true)],
                HostName = "box",
                ExtraHosts = [new ExtraHost("somewhere.example", "192.0.2.7")],
            }, ct))
            {
                // The first one is the container's own; it waits for its input.
                using var hold = new AnonymousPipes();
                await using var init = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/bin/cat"], Input = hold.Read }, ct);
                Assert.AreEqual((0, "content\nbox\nread-only\n192.0.2.7\nA word", "to error\n"), await RunAsync(container, "cat /files/f; hostname; touch /files/g 2>/dev/null || echo read-only; grep somewhere /etc/hosts | cut -f1; echo to error >&2; tr a-z A-Z < /dev/null; cat; printf %s \"$WORD\"", "A ", ct));
                Assert.AreEqual((0, "3000000\n", ""), await RunAsync(container, "wc -c", new string('x', 3_000_000), ct));
                Assert.AreEqual(0, (await RunAsync(container, "touch /tmp/kept", null, ct)).Code);
                Assert.AreEqual((0, "kept\n", ""), await RunAsync(container, "ls /tmp", null, ct));
                // A signal, and a terminal with a size.
                await using var sleeping = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"] }, ct);
                await Task.Delay(300, ct);
                await sleeping.SignalAsync("SIGTERM", ct);
                Assert.AreEqual(0, await sleeping.WaitAsync(ct));
                using var screen = new MemoryStream();
                using var keys = new AnonymousPipes();
                await using var terminal = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/bin/sh"], HasTerminal = true, Input = keys.Read, Output = screen, Environment = [new("PS1", "")] }, ct);
                await terminal.ResizeAsync(33, 101, ct);
                await keys.Write.WriteAsync("stty size; tty; exit 4\n"u8.ToArray(), ct);
                Assert.AreEqual(4, await terminal.WaitAsync(ct));
                var seen = System.Text.Encoding.UTF8.GetString(screen.ToArray());
                StringAssert.Contains(seen, "33 101");
                StringAssert.Contains(seen, "/dev/");
            }
            await using (var container = await gateway.CreateContainerAsync(new GatewayContainerOptions { Root = root }, ct))
            await using (var init = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/bin/sleep", "60"] }, ct))
            {
                await using var none = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/nonesuch"] }, ct);
                Assert.AreNotEqual(0, await none.WaitAsync(ct));
            }
            await using (var container = await gateway.CreateContainerAsync(new GatewayContainerOptions { Root = root }, ct))
            await using (var process = await container.StartAsync(new GatewayProcessOptions { Arguments = ["/bin/sleep", "60"] }, ct))
            {
                await process.SignalAsync("SIGNONE", ct);
                StringAssert.Contains((await Assert.ThrowsExactlyAsync<BuildKitException>(() => process.WaitAsync(ct))).Message, "signal");
            }
            // What was solved is as it was.
            await Assert.ThrowsExactlyAsync<RpcException>(() => gateway.ReadFileAsync(root, "/tmp/kept", ct));
            await Assert.ThrowsExactlyAsync<RpcException>(() => gateway.CreateContainerAsync(new GatewayContainerOptions { Root = new GatewayReference("nonesuch") }, ct));
            return new GatewayResult(files, new Dictionary<string, ReadOnlyMemory<byte>>());
        }, new SolveOptions(), Token);

        static async Task<(int Code, string Output, string Error)> RunAsync(GatewayContainer container, string script, string? input, CancellationToken ct)
        {
            using var output = new MemoryStream();
            using var error = new MemoryStream();
            await using var process = await container.StartAsync(new GatewayProcessOptions
            {
                Arguments = ["/bin/sh", "-c", script],
                Environment = [new("PATH", "/usr/bin:/bin"), new("WORD", "word")],
                Input = input is null ? null : new MemoryStream(System.Text.Encoding.UTF8.GetBytes(input)),
                Output = output,
                Error = error,
            }, ct);
            var code = await process.WaitAsync(ct);
            return (code, System.Text.Encoding.UTF8.GetString(output.ToArray()), System.Text.Encoding.UTF8.GetString(error.ToArray()));
        }
    }

    /// <summary>A pipe of this process.</summary>
    private sealed class AnonymousPipes : IDisposable
    {
        private readonly System.IO.Pipelines.Pipe _pipe = new();

        public Stream Read => _pipe.Reader.AsStream();

        public Stream Write => _pipe.Writer.AsStream();

        public void Dispose() => _pipe.Writer.Complete();
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Gateway_TwoPlatforms_AreOneIndex(string engine)
    {
        using var export = new TemporaryFolder();
        using var client = TestEngine.Client(engine);
        await client.BuildAsync(async (gateway, ct) =>
        {
            var parts = new List<PlatformResult>();
            foreach (var platform in new[] { Amd64, new Platform("linux", "arm64") })
                parts.Add(new PlatformResult(platform, await gateway.SolveAsync(Marshaller.Marshal(Small).Definition, ct),
                    JsonSerializer.SerializeToUtf8Bytes(new { os = "linux", architecture = platform.Architecture, config = new { } })));
            return new GatewayResult(parts);
        }, new SolveOptions
        {
            Exporters = [new ExporterOptions("oci")],
            Session = new SessionOptions { Exports = [new OciLayoutExportTarget(export.Path, "both")] },
        }, Token);
        var layout = new OciLayout(export.Path);
        using var index = JsonDocument.Parse(File.ReadAllBytes(layout.FindBlob(layout.Find("both")!)!));
        CollectionAssert.AreEquivalent(new[] { "amd64", "arm64" },
            index.RootElement.GetProperty("manifests").EnumerateArray().Select(m => m.GetProperty("platform").GetProperty("architecture").GetString()).ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Gateway_ReadsWhatItHasBuilt(string engine)
    {
        using var client = TestEngine.Client(engine);
        await client.BuildAsync(async (gateway, ct) =>
        {
            var tree = await gateway.SolveAsync(Marshaller.Marshal(State.Scratch.File([new MakeDirectoryAction("/d", 0x1ED), new MakeFileAction("/d/f", "content"u8.ToArray(), 0x1A4)])).Definition, ct);
            Assert.AreEqual("content", System.Text.Encoding.UTF8.GetString((await gateway.ReadFileAsync(tree, "/d/f", ct)).Span));
            CollectionAssert.AreEqual(new[] { "f" }, (await gateway.ReadFolderAsync(tree, "/d", ct)).ToArray());
            await Assert.ThrowsExactlyAsync<RpcException>(() => gateway.ReadFileAsync(tree, "/none", ct));
            Assert.Contains("exec.meta.base", await gateway.GetCapabilitiesAsync(ct));
            return new GatewayResult(tree, new Dictionary<string, ReadOnlyMemory<byte>>());
        }, new SolveOptions(), Token);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Provenance_IsInTheIndex(string engine)
    {
        using var export = new TemporaryFolder();
        using var client = TestEngine.Client(engine);
        await client.SolveAsync(Marshaller.Marshal(Base.Run(Shell("true"))).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("oci")],
            Attestations = new Dictionary<string, string> { ["provenance"] = "mode=max" },
            Session = new SessionOptions { Exports = [new OciLayoutExportTarget(export.Path)] },
        }, Token);
        Assert.IsTrue(Directory.GetFiles(export["blobs/sha256"]).Any(f => new FileInfo(f).Length < 1_000_000 && File.ReadAllText(f).Contains("slsa.dev/provenance", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task History_KnowsABuildUntilItIsDeleted(string engine)
    {
        using var client = TestEngine.Client(engine);
        var before = (await client.GetHistoryAsync(Token)).Select(r => r.Reference).ToHashSet();
        await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(Marshaller.Marshal(Base.Run(Shell("exit 7"))).Definition, new SolveOptions(), Token));
        await client.SolveAsync(Marshaller.Marshal(Small).Definition, new SolveOptions { KeepHistory = false }, Token);
        var record = (await client.GetHistoryAsync(Token)).Single(r => !before.Contains(r.Reference) && r.Error is not null);
        StringAssert.Contains(record.Error!, "exit code: 7");
        await client.DeleteHistoryAsync(record.Reference, Token);
        Assert.IsFalse((await client.GetHistoryAsync(Token)).Any(r => r.Reference == record.Reference));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Failure_HasCommandPlaceAndText(string engine)
    {
        var file = new SourceFile("env.csproj", "one\ntwo\nthree\n"u8.ToArray(), "XML");
        var state = Base.Run(Shell("printf 'progress 1\\rprogress 2\\r'; echo out; echo err >&2; exit 4"), new VertexOptions { Name = "the step", Locations = [new SourceLocation(file, 2, 2)] });
        using var client = TestEngine.Client(engine);
        var streams = new List<string>();
        var e = await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions
        {
            Progress = p => { if (p.Kind == ProgressKind.Log) streams.Add($"{p.Stream} {p.Text}"); },
        }, Token));
        CollectionAssert.AreEquivalent(new[] { "1 out", "2 err" }, streams);
        CollectionAssert.AreEqual(new[] { "env.csproj:2" }, e.Step!.Places.ToArray());
        StringAssert.StartsWith(e.Step.Command, "/bin/sh -euc printf");
        var text = FailureText.Of(e);
        StringAssert.Contains(text, "'the step' failed with exit code 4");
        StringAssert.Contains(text, "at env.csproj:2");
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_ASecondTime_LeavesTheNumberOfRecords(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("f", "x");
        using var client = TestEngine.Client(engine);
        var state = Base.Run(Shell("cp /in/f /f", new BindMount("/in", State.Local("c", new LocalOptions { SharedKeyHint = folder.Path }))));
        var options = new SolveOptions { Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) } } };
        await client.SolveAsync(Marshaller.Marshal(state).Definition, options, Token);
        await client.SolveAsync(Marshaller.Marshal(state).Definition, options, Token);
        var before = (await client.GetDiskUsageAsync(Token)).Select(r => r.Id).ToHashSet();
        for (var i = 0; i < 3; i++)
            await client.SolveAsync(Marshaller.Marshal(state).Definition, options, Token);
        // What other tests have left may go at any time; nothing comes.
        Assert.IsEmpty((await client.GetDiskUsageAsync(Token)).Select(r => r.Id).Except(before));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Solve_TwoAtOnceOnOneClient(string engine)
    {
        using var one = new TemporaryFolder();
        using var two = new TemporaryFolder();
        using var client = TestEngine.Client(engine);
        await Task.WhenAll(Export(one), Export(two));
        Assert.AreEqual(one.Path, File.ReadAllText(one["out/f"]));
        Assert.AreEqual(two.Path, File.ReadAllText(two["out/f"]));

        Task Export(TemporaryFolder folder)
        {
            folder.Write("in/f", folder.Path);
            return client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(State.Local("c", new LocalOptions { UniqueId = folder.Path }), "/f", "/f")])).Definition, new SolveOptions
            {
                Exporters = [new ExporterOptions("local")],
                Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder["in"], []) }, Exports = [new FolderExportTarget(folder["out"])] },
            }, Token);
        }
    }

    [TestMethod]
    public async Task Export_ToAFullDisk_NamesTheFolder()
    {
        if (Environment.UserName != "root")
            Assert.Inconclusive("A full disk is a mount, which needs root.");
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["full"]);
        Assert.AreEqual(0, (await Commands.RunAsync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder["full"]], "/", new Dictionary<string, string?>(), Token)).ExitCode);
        try
        {
            var state = Base.Run(Shell("mkdir /d; dd if=/dev/urandom of=/d/f bs=1M count=8 2>/dev/null"));
            var e = await Assert.ThrowsExactlyAsync<FileSyncException>(() => BuildAsync(TestEngine.Containerd, State.Scratch.File([new CopyAction(state, "/d", "/d")]), export: folder["full/out"]));
            StringAssert.Contains(e.Message, folder["full/out"]);
            StringAssert.Contains(e.Message, "No space left");
        }
        finally
        {
            await Commands.RunAsync("umount", [folder["full"]], "/", new Dictionary<string, string?>(), CancellationToken.None);
        }
    }

    [TestMethod]
    [DataRow("docker")]
    [DataRow("tar")]
    public async Task Archive_IsComplete(string exporter)
    {
        using var export = new TemporaryFolder();
        using var client = TestEngine.Client(TestEngine.Containerd);
        await client.SolveAsync(Marshaller.Marshal(Small).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions(exporter, new Dictionary<string, string> { ["name"] = "docker.io/library/archive:1" })],
            Session = new SessionOptions { Exports = [new FileExportTarget(export["out.tar"])] },
        }, Token);
        await using var file = File.OpenRead(export["out.tar"]);
        await using var tar = new TarReader(file);
        var names = new List<string>();
        while (await tar.GetNextEntryAsync(cancellationToken: Token) is { } entry)
            names.Add(entry.Name);
        CollectionAssert.Contains(names, exporter == "tar" ? "f" : "manifest.json");
    }
}
