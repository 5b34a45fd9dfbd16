using System.Formats.Tar;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>What LLB's operations do on a real engine.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class OperationTests : EngineTest
{
    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_EveryOption(string engine)
    {
        var exec = Shell("hostname; grep -c 10.9.8.7 /etc/hosts; ulimit -Sn; ulimit -Hn; pwd; id -u; id -g; echo \"$V $http_proxy\"; echo \"$(cat /run/secret) $S\"; stat -c '%a %u %g' /run/secret; df -k /tmp/mem | tail -1 | awk '{print $2}'; test -e /run/none || echo none; exit 3",
            new SecretMount("/run/secret", "s", 0x120) { User = 7, Group = 8 }, new SecretMount("/run/none", "missing") { Optional = true }, new TmpfsMount("/tmp/mem", 1024 * 1024)) with
        {
            HostName = "step",
            ExtraHosts = [new ExtraHost("extra", "10.9.8.7")],
            Ulimits = [new Ulimit("nofile", 100, 200)],
            ValidExitCodes = [3],
            WorkingDirectory = "/srv/here",
            User = "7:8",
            Environment = [new("V", "a $b `c`")],
            Proxy = new ProxyEnvironment(Http: "http://proxy:1"),
            SecretEnvironment = [new SecretVariable("S", "s"), new SecretVariable("M", "missing", Optional: true)],
        };
        try
        {
            var lines = await BuildAsync(engine, Base.Run(exec), new SessionOptions { Secrets = id => id == "s" ? "geheim"u8.ToArray() : null });
            Equal(["step", "1", "100", "200", "/srv/here", "7", "8", "a $b `c` http://proxy:1", "geheim geheim", "440 7 8", "1024", "none"], lines);
        }
        catch (CapabilityException e)
        {
            // BuildKit 0.13, which Docker 26 has, knows neither; the rest is what it can do.
            Assert.IsTrue(e.Capability is "exec.secretenv" or "exec.validexitcode", e.Capability);
            var old = exec with { ValidExitCodes = [], SecretEnvironment = [], Arguments = [.. exec.Arguments.Take(2), exec.Arguments[2].Replace("exit 3", "exit 0", StringComparison.Ordinal).Replace("$S", "${S-geheim}", StringComparison.Ordinal)] };
            var lines = await BuildAsync(engine, Base.Run(old), new SessionOptions { Secrets = id => id == "s" ? "geheim"u8.ToArray() : null });
            Equal(["step", "1", "100", "200", "/srv/here", "7", "8", "a $b `c` http://proxy:1", "geheim geheim", "440 7 8", "1024", "none"], lines);
        }
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_WritableMountsAndReadOnlyRoot(string engine)
    {
        using var export = new TemporaryFolder();
        var start = State.Scratch.File([new MakeFileAction("/had", "1"u8.ToArray(), 0x1A4)]);
        var result = Base.Execute(Shell("touch /refused 2>/dev/null && exit 9; echo two > /out/made", new BindMount("/out", start) { Writable = true }) with { ReadOnlyRoot = true });
        await BuildAsync(engine, result.Mount("/out"), export: export.Path);
        Assert.AreEqual("two\n", File.ReadAllText(export["made"]));
        Assert.AreEqual("1", File.ReadAllText(export["had"]));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_CacheMounts_KeepWhatWasWritten(string engine)
    {
        var id = Guid.NewGuid().ToString("N");
        var cache = new CacheMount("/cache", id, CacheSharing.Locked);
        await BuildAsync(engine, Base.Run(Shell("echo one > /cache/f", cache)));
        Equal(["one"], (await BuildAsync(engine, Base.Run(Shell("cat /cache/f", cache)))));
        var seeded = new CacheMount("/cache", id + "s") { Source = State.Scratch.File([new MakeDirectoryAction("/start", 0x1ED), new MakeFileAction("/start/from", "s"u8.ToArray(), 0x1A4)]), Selector = "/start" };
        Equal(["s"], (await BuildAsync(engine, Base.Run(Shell("cat /cache/from", seeded)))));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_Networks(string engine)
    {
        // Not `ls /sys/class/net`: it fails when an interface goes while it looks.
        Equal(["lo"], (await BuildAsync(engine, Base.Run(Shell("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '") with { Network = NetworkMode.None }))));
        var host = Base.Run(Shell("tail -n +3 /proc/net/dev | wc -l") with { Network = NetworkMode.Host });
        var refused = await Assert.ThrowsExactlyAsync<CapabilityException>(() => BuildAsync(engine, host));
        Assert.AreEqual("network.host", refused.Capability);
        Assert.AreNotEqual("1", (await BuildAsync(engine, host, entitlements: ["network.host"])).Single());
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_Insecure_OnAnEngineThatDoesNotGrantIt_IsATypedException(string engine)
    {
        var step = Base.Run(Shell("true") with { Security = SecurityMode.Insecure });
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => BuildAsync(engine, step, entitlements: ["security.insecure"]));
        Assert.AreEqual("security.insecure", e.Capability);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task File_EveryAction(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tree/a.txt", "a");
        folder.Write("tree/b.log", "b");
        folder.Write("tree/deep/c.txt", "c");
        File.CreateSymbolicLink(folder["link"], "tree/a.txt");
        Directory.CreateDirectory(folder["packed"]);
        TarFile.CreateFromDirectory(folder["tree"], folder["packed/archive.tar"], includeBaseDirectory: false);
        var context = State.Local("c", new LocalOptions { SharedKeyHint = folder.Path });
        var result = Base.File(
        [
            new MakeDirectoryAction("/made/deep", 0x1C0) { Owner = new FileOwner(5, 6), Timestamp = 1_000_000_000_000_000_000 },
            new MakeFileAction("/made/file", "x"u8.ToArray(), 0x180) { Owner = new FileOwner(0, 0) { UserName = "daemon", GroupName = "games" } },
            new CopyAction(context, "/tree", "/included/") { ContentsOnly = true, IncludePatterns = ["**/*.txt"] },
            new CopyAction(context, "/tree", "/excluded/") { ContentsOnly = true, ExcludePatterns = ["*.log"] },
            new CopyAction(context, "/tree/*.log", "/wild/") { AllowWildcard = true, Mode = 0x1A0 },
            new CopyAction(context, "/nothing*", "/wild/") { AllowWildcard = true, AllowEmptyWildcard = true },
            new CopyAction(context, "/link", "/followed") { FollowLinks = true },
            new CopyAction(context, "/packed/archive.tar", "/unpacked/") { Unpack = true },
            new MakeFileAction("/gone", "x"u8.ToArray(), 0x180),
            new RemoveAction("/go*"),
            new RemoveAction("/never-was"),
        ]);
        var lines = await BuildAsync(engine, result.Run(Shell("cd /; stat -c '%n %a %u %g %Y' made/deep; stat -c '%n %a %U %G' made/file; find included excluded wild unpacked -type f | sort; stat -c '%a %F' wild/b.log followed; ls -d gone* 2>/dev/null || echo gone")),
            new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) } });
        Equal(
        [
            "made/deep 700 5 6 1000000000", "made/file 600 daemon games",
            "excluded/a.txt", "excluded/deep/c.txt", "included/a.txt", "included/deep/c.txt", "unpacked/a.txt", "unpacked/b.log", "unpacked/deep/c.txt", "wild/b.log",
            "640 regular file", "644 regular file", "gone",
        ], lines);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task File_Link_IsMadeOrRefusedByItsCapability(string engine)
    {
        var linked = Base.File([new LinkAction("/etc/hostname", "/link")]);
        try
        {
            Equal(["/etc/hostname"], (await BuildAsync(engine, linked.Run(Shell("readlink /link")))));
        }
        catch (CapabilityException e)
        {
            Assert.AreEqual("file.symlink.create", e.Capability);
        }
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Exec_SshAgentOfKeyFiles_EndsWithTheSession(string engine)
    {
        using var folder = new TemporaryFolder();
        Assert.AreEqual(0, (await Commands.RunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder["key"]], folder.Path, new Dictionary<string, string?>(), Token)).ExitCode);
        var before = AgentFolders();
        var script = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => '/run/agent.sock') or die $!; print $s pack('NC', 1, 11); $s->flush; read($s, my $h, 9); my ($l, $t, $k) = unpack('NCN', $h); print \"type $t keys $k\\n\"; #" + Guid.NewGuid();
        var state = Base.Run(new ExecOptions { Arguments = ["/usr/bin/perl", "-e", script], Mounts = [new SshMount("/run/agent.sock", "mine")] });
        var lines = await BuildAsync(engine, state, new SessionOptions { SshAgents = new Dictionary<string, SshAgent> { ["mine"] = SshAgent.OfKeys([folder["key"]]) } });
        Equal(["type 12 keys 1"], lines);
        CollectionAssert.AreEquivalent(before, AgentFolders());

        static string[] AgentFolders() => Directory.GetDirectories(Path.GetTempPath(), "ssh-agent-*");
    }

    [TestMethod]
    public async Task Exec_SshKeyThatCannotBeUsed_IsNamed()
    {
        using var folder = new TemporaryFolder();
        folder.Write("key", "no key");
        var state = Base.Run(Shell("true", new SshMount("/run/agent.sock")));
        var e = await Assert.ThrowsAsync<BuildKitException>(() => BuildAsync(TestEngine.Containerd, state,
            new SessionOptions { SshAgents = new Dictionary<string, SshAgent> { ["default"] = SshAgent.OfKeys([folder["key"]]) } }));
        StringAssert.Contains(e.Message, folder["key"]);
    }
}
