using Envd.BuildKit.Client;
using Envd.BuildKit.Content;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>Where trees come from: web servers, git, OCI layouts, folders.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class SourceTests : EngineTest
{
    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Http_HasItsNameModeOwnerAndChecksum(string engine)
    {
        using var folder = new TemporaryFolder();
        var content = Guid.NewGuid().ToByteArray();
        File.WriteAllBytes(folder["tool"], content);
        using var server = FileServer.OfFolder(folder.Path);
        var checksum = "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
        var file = State.Http(server.Address + "/tool", checksum, "renamed", 0x1ED, http: new HttpOptions { Owner = new FileOwner(1234, 2345) });
        var lines = await BuildAsync(engine, Base.Run(Shell("stat -c '%n %a %u %g' /in/renamed", new BindMount("/in", file))));
        CollectionAssert.AreEqual(new[] { "/in/renamed 755 1234 2345" }, lines.ToArray());

        var wrong = State.Http(server.Address + "/tool", "sha256:" + new string('0', 64), "other");
        var e = await Assert.ThrowsExactlyAsync<SolveException>(() => BuildAsync(engine, wrong));
        StringAssert.Contains(e.Message, "digest mismatch");
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Git_ReferenceSubdirectoryAndGitFolder(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("work/top.txt", "top");
        folder.Write("work/sub/inner.txt", Guid.NewGuid().ToString("N"));
        foreach (var line in new[] { "init -q -b main", "add .", "-c user.name=t -c user.email=t@t commit -qm one", "clone -q --bare . ../repo.git", "--git-dir=../repo.git update-server-info" })
            Assert.AreEqual(0, (await Commands.RunAsync("git", line.Split(' '), folder["work"], new Dictionary<string, string?>(), Token)).ExitCode, line);
        using var server = FileServer.OfFolder(folder.Path);
        using var export = new TemporaryFolder();
        var remote = server.Address + "/repo.git";
        await BuildAsync(engine, State.Git(remote, new GitOptions { Reference = "main", KeepGitDirectory = true }), export: export["all"]);
        Assert.AreEqual("top", File.ReadAllText(export["all/top.txt"]));
        Assert.IsTrue(Directory.Exists(export["all/.git"]));
        await BuildAsync(engine, State.Git(remote, new GitOptions { Reference = "main", Subdirectory = "sub" }), export: export["sub"]);
        Assert.AreEqual("inner.txt", Path.GetFileName(Directory.GetFileSystemEntries(export["sub"]).Single()));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task OciLayout_OutAndInAgain(string engine)
    {
        using var folder = new TemporaryFolder();
        var unique = Guid.NewGuid().ToString("N");
        using var client = TestEngine.Client(engine);
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new MakeFileAction("/f", System.Text.Encoding.ASCII.GetBytes(unique), 0x1A4)])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("oci", new Dictionary<string, string> { ["containerimage.config"] = """{"os":"linux","architecture":"amd64","config":{}}""" })],
            Session = new SessionOptions { Exports = [new OciLayoutExportTarget(folder["layout"], "v1")] },
        }, Token);
        var layout = new OciLayout(folder["layout"]);
        var digest = layout.Find("v1")!;
        Assert.IsNotNull(layout.FindBlob(digest));

        using var export = new TemporaryFolder();
        var image = State.OciLayout($"local/image@{digest}", new OciLayoutOptions { Store = "mine" }, Amd64);
        await BuildAsync(engine, State.Scratch.File([new CopyAction(image, "/f", "/copy")]),
            new SessionOptions { ContentStores = new Dictionary<string, OciLayout> { ["oci:mine"] = layout } }, export.Path);
        Assert.AreEqual(unique, File.ReadAllText(export["copy"]));
    }

    [TestMethod]
    public async Task OciLayout_OnAnEngineWithout_IsATypedException()
    {
        var image = State.OciLayout($"local/image@sha256:{new string('1', 64)}", new OciLayoutOptions { Store = "mine" }, Amd64);
        var e = await Assert.ThrowsExactlyAsync<CapabilityException>(() => BuildAsync(TestEngine.Graphdriver, image));
        StringAssert.Contains(e.Capability, "oci");
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Local_HardLinksAttributesModesAndFollowedLinks(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("data/one", Guid.NewGuid().ToString("N"));
        folder.Write("elsewhere/target", "target");
        folder.Write("elsewhere/other", "other");
        var commands = "ln data/one data/two && chmod 4750 data/one && ln -s ../elsewhere/target data/link && ln -s /elsewhere absolute && mkfifo data/pipe && setfattr -n user.envd -v value data/one 2>/dev/null || python3 -c 'import os; os.setxattr(\"data/one\", \"user.envd\", b\"value\")'";
        Assert.AreEqual(0, (await Commands.RunAsync("sh", ["-c", commands], folder.Path, new Dictionary<string, string?>(), Token)).ExitCode);
        var session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) } };
        var hint = Guid.NewGuid().ToString("N");

        var lines = await BuildAsync(engine, Base.Run(Shell("cd /in; stat -c '%n %h %a' data/one data/two; test -p data/pipe && echo pipe; readlink data/link; ls",
            new BindMount("/in", State.Local("c", new LocalOptions { SharedKeyHint = hint })))), session);
        CollectionAssert.AreEqual(new[] { "data/one 2 4750", "data/two 2 4750", "pipe", "../elsewhere/target", "absolute", "data", "elsewhere" }, lines.ToArray());

        // Only the links are named; what they lead to comes along, and nothing else.
        lines = await BuildAsync(engine, Base.Run(Shell("cd /in; find . ! -type d | sort; cat data/link",
            new BindMount("/in", State.Local("c", new LocalOptions { FollowPaths = ["data/li*"], SharedKeyHint = hint + "2" })))), session);
        CollectionAssert.AreEqual(new[] { "./data/link", "./elsewhere/target" }, lines.ToArray()[..2]);
        lines = await BuildAsync(engine, Base.Run(Shell("cd /in; find . ! -type d | sort",
            new BindMount("/in", State.Local("c", new LocalOptions { FollowPaths = ["absolute/other"], SharedKeyHint = hint + "3" })))), session);
        CollectionAssert.AreEqual(new[] { "./absolute", "./elsewhere/other" }, lines.ToArray());
    }

    [TestMethod]
    public async Task Local_ExtendedAttributes_GoBothWays()
    {
        using var folder = new TemporaryFolder();
        using var export = new TemporaryFolder();
        folder.Write("f", "x");
        Assert.AreEqual(0, (await Python("import os; os.setxattr('f', 'user.envd', b'value')", folder.Path)).ExitCode);
        await BuildAsync(TestEngine.Containerd, State.Local("c", new LocalOptions { SharedKeyHint = folder.Path }),
            new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder.Path, []) } }, export["out"]);
        Assert.AreEqual("value\n", (await Python("import os; print(os.getxattr('out/f', 'user.envd').decode())", export.Path)).Output);
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task Policy_DeniesAndConverts(string engine)
    {
        using var client = TestEngine.Client(engine);
        var definition = Marshaller.Marshal(State.Image("docker.io/library/nowhere:1", Amd64).Run(Shell("cat /etc/os-release"))).Definition;
        var denied = await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(definition, new SolveOptions
        {
            SourcePolicy = new SourcePolicy([new SourcePolicyRule(SourcePolicyAction.Deny, "docker-image://docker.io/library/nowhere*")]),
        }, Token));
        StringAssert.Contains(denied.Message, "denied by policy");
        await client.SolveAsync(definition, new SolveOptions
        {
            SourcePolicy = new SourcePolicy([new SourcePolicyRule(SourcePolicyAction.Convert, "docker-image://docker.io/library/nowhere:1", "docker-image://" + TestEngine.BaseImage)]),
        }, Token);
    }

    private Task<CommandResult> Python(string script, string folder) =>
        Commands.RunAsync("python3", ["-c", script], folder, new Dictionary<string, string?>(), Token);
}
