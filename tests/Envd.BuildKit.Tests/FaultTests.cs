using System.Diagnostics;
using System.Security.Cryptography;
using Envd.BuildKit.Client;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>Engines and networks that die, stop and fill up: one clear exception each, never a hang, nothing left behind.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class FaultTests : EngineTest
{
    private static readonly TimeSpan Bar = TimeSpan.FromSeconds(15);

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task DrivenBuildThatFailed_LeavesItsFailureToNoOther(string engine)
    {
        var cut = true;
        byte[] body = [];
        using var server = new FileServer(_ => (cut ? 0 : 200, body));
        using var client = TestEngine.Client(engine);
        for (var round = 0; round < 5; round++)
        {
            body = Guid.NewGuid().ToByteArray();
            var file = State.Http($"{server.Address}/{round}", "sha256:" + Convert.ToHexStringLower(SHA256.HashData(body)), "file");
            var definition = Marshaller.Marshal(State.Scratch.File([new CopyAction(file, "/file", "/file"), new CopyAction(Base.Run(Shell("sleep 0.5")), "/etc/hostname", "/other")])).Definition;
            cut = true;
            await Assert.ThrowsExactlyAsync<SolveException>(BuildAsync);
            cut = false;
            await BuildAsync();

            Task BuildAsync() => client.BuildAsync(async (gateway, ct) => new GatewayResult(await gateway.SolveAsync(definition, ct), new Dictionary<string, ReadOnlyMemory<byte>>()), new SolveOptions(), Token);
        }
    }

    [TestMethod]
    [DataRow("solve")]
    [DataRow("sync")]
    [DataRow("export")]
    public async Task EngineKilled_InTheMiddle_IsOneClearExceptionAtOnce(string during)
    {
        await using var engine = await SpareEngine.StartAsync(3000, Token);
        using var folder = new TemporaryFolder();
        using var client = engine.Client();
        var moment = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var solving = during switch
        {
            "solve" => SolveAsync(client, Base.Run(Shell("echo go; sleep 60")), new SolveOptions { Session = new SessionOptions(), Progress = OnLog }),
            "sync" => SolveAsync(client, State.Scratch.File([new CopyAction(State.Local("c", new LocalOptions()), "/", "/")]), new SolveOptions
            {
                Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(Big(folder["in"]), []) } },
                Progress = e => { if (e.Kind == ProgressKind.Transfer && e.Current > 1_000_000) moment.TrySetResult(); },
            }),
            _ => SolveAsync(client, State.Scratch.File([new CopyAction(Base.Run(Shell("mkdir /d; dd if=/dev/urandom of=/d/f bs=1M count=900 2>/dev/null")), "/d", "/d")]), new SolveOptions
            {
                Exporters = [new ExporterOptions("tar")],
                Session = new SessionOptions { Exports = [new FileExportTarget(folder["out.tar"])] },
            }),
        };
        if (during == "export")
            _ = Task.Run(async () =>
            {
                while (!File.Exists(folder["out.tar.partial"]) || new FileInfo(folder["out.tar.partial"]).Length < 1_000_000)
                    await Task.Delay(5, Token);
                moment.TrySetResult();
            }, Token);
        await Task.WhenAny(moment.Task, solving);
        Assert.IsFalse(solving.IsCompleted, "the build was over before the engine could be killed");
        await engine.KillAsync();
        var clock = Stopwatch.StartNew();
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => solving.WaitAsync(Bar));
        Assert.IsTrue(e.WasConnected);
        Assert.IsLessThan(5000, clock.ElapsedMilliseconds);
        StringAssert.Contains(e.Message, engine.Address);
        Assert.IsFalse(File.Exists(folder["out.tar"]) || File.Exists(folder["out.tar.partial"]));
        // The next engine at this address serves the same client: nothing of the old connection is in the way.
        if (during == "solve")
        {
            await using var next = await SpareEngine.StartAsync(500, Token);
            await client.GetEngineAsync(Token);
        }

        void OnLog(ProgressEvent e)
        {
            if (e.Kind == ProgressKind.Log)
                moment.TrySetResult();
        }
    }

    [TestMethod]
    public async Task EngineStopped_SaysSoWithinTheConnectTimeout_AndDuringABuildWithinTheSilenceTimeout()
    {
        await using var engine = await SpareEngine.StartAsync(1000, Token);
        var options = new BuildKitClientOptions { ConnectTimeout = TimeSpan.FromSeconds(2), SilenceTimeout = TimeSpan.FromSeconds(4) };
        using var busy = engine.Client(options);
        using var patient = engine.Client(new BuildKitClientOptions { SilenceTimeout = Timeout.InfiniteTimeSpan });
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var solving = SolveAsync(busy, Base.Run(Shell("echo go; sleep 60")), new SolveOptions { Progress = e => { if (e.Kind == ProgressKind.Log) first.TrySetResult(); } });
        var waiting = SolveAsync(patient, Base.Run(Shell("echo go; sleep 3; echo done")), new SolveOptions { Progress = e => { if (e.Kind == ProgressKind.Log) second.TrySetResult(); } });
        await Task.WhenAll(first.Task, second.Task);
        await engine.PauseAsync();
        var clock = Stopwatch.StartNew();
        using var late = engine.Client(options);
        var refused = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => late.GetEngineAsync(Token));
        Assert.IsLessThan(4000, clock.ElapsedMilliseconds);
        StringAssert.Contains(refused.Message, "2 s");
        var lost = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => solving.WaitAsync(Bar));
        StringAssert.Contains(lost.Message, "4 s");
        Assert.IsTrue(lost.WasConnected);
        await engine.ResumeAsync();
        // Who was willing to wait has lost nothing.
        await waiting.WaitAsync(Bar);
    }

    [TestMethod]
    [DataRow("secret")]
    [DataRow("sync")]
    [DataRow("step")]
    public async Task Network_ThatSwallowsEverything_FailsWithin15Seconds(string during)
    {
        using var proxy = EngineProxy.OnTcp(TestEngine.Address(TestEngine.Containerd));
        using var folder = new TemporaryFolder();
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.Docker, proxy.Address));
        var moment = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var solving = during switch
        {
            "secret" => SolveAsync(client, Base.Run(Shell("cat /run/secret", new SecretMount("/run/secret", "s"))), new SolveOptions
            {
                Session = new SessionOptions
                {
                    Secrets = _ =>
                    {
                        proxy.Swallow();
                        moment.TrySetResult();
                        return [1];
                    },
                },
            }),
            "sync" => SolveAsync(client, State.Scratch.File([new CopyAction(State.Local("c", new LocalOptions { UniqueId = folder.Path }), "/", "/")]), new SolveOptions
            {
                Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(Big(folder["in"]), []) } },
                Progress = Swallow,
            }),
            // Without a session there is the control connection alone, on which a long step is silent.
            _ => SolveAsync(client, Base.Run(Shell("echo go; sleep 60")), new SolveOptions { Progress = Swallow }),
        };
        await moment.Task.WaitAsync(Token);
        var clock = Stopwatch.StartNew();
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => solving.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.IsLessThan(Bar, clock.Elapsed);
        Assert.IsTrue(e.WasConnected);

        void Swallow(ProgressEvent e)
        {
            if (e.Kind != ProgressKind.Log && !(e.Kind == ProgressKind.Transfer && e.Current > 1_000_000))
                return;
            proxy.Swallow();
            moment.TrySetResult();
        }
    }

    [TestMethod]
    public async Task EngineDiskFull_IsSaid_AndAPruneHelps()
    {
        await using var engine = await SpareEngine.StartAsync(500, Token);
        using var client = engine.Client();
        var e = await Assert.ThrowsExactlyAsync<SolveException>(() => SolveAsync(client,
            Base.Run(Shell("dd if=/dev/urandom of=/f bs=1M count=40 2>/dev/null")).Run(Shell("dd if=/dev/urandom of=/g bs=1M count=900")), new SolveOptions()));
        Assert.IsTrue(e.IsEngineDiskFull, e.Message);
        Assert.IsGreaterThan(0, await client.PruneAsync(new PruneOptions { All = true }, Token));
        await SolveAsync(client, Base.Run(Shell("dd if=/dev/urandom of=/f bs=1M count=40 2>/dev/null")), new SolveOptions());
    }

    [TestMethod]
    public async Task HundredClients_OneAfterAnother_LeaveNothing()
    {
        using var folder = new TemporaryFolder();
        folder.Write("f", "x");
        await BuildAsync();
        await SettleAsync();
        var (handles, threads, files) = Count();
        for (var i = 0; i < 100; i++)
            await BuildAsync();
        await SettleAsync();
        var after = Count();
        Assert.IsLessThanOrEqualTo(handles + 3, after.Handles);
        // The pool's own threads come and go; a leak would be one for each client.
        Assert.IsLessThanOrEqualTo(threads + 15, after.Threads);
        Assert.AreEqual(files, after.Files);

        async Task BuildAsync()
        {
            using var client = TestEngine.Client(TestEngine.Containerd);
            await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(State.Local("c", new LocalOptions { SharedKeyHint = folder.Path }), "/f", "/f")])).Definition, new SolveOptions
            {
                Exporters = [new ExporterOptions("local")],
                Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) }, Exports = [new FolderExportTarget(folder["../out"])] },
            }, Token);
        }

        static (int Handles, int Threads, int Files) Count() =>
            (Directory.GetFileSystemEntries("/proc/self/fd").Length, Directory.GetDirectories("/proc/self/task").Length, Directory.GetFileSystemEntries(Path.GetTempPath()).Length);

        async Task SettleAsync()
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.Delay(300, Token);
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
    }

    private Task<SolveResult> SolveAsync(BuildKitClient client, State state, SolveOptions options) =>
        client.SolveAsync(Marshaller.Marshal(state).Definition, options, Token);

    /// <summary>A folder that takes a while to send.</summary>
    private static string Big(string folder)
    {
        Directory.CreateDirectory(folder);
        var bytes = new byte[20_000_000];
        for (var i = 0; i < 40; i++)
        {
            Random.Shared.NextBytes(bytes.AsSpan(0, 1000));
            File.WriteAllBytes(Path.Combine(folder, "f" + i), bytes);
        }
        return folder;
    }
}
