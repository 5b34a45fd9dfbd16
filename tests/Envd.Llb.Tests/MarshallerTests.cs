using Envd.Llb.Protocol;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;

namespace Envd.Llb.Tests;

[TestClass]
public sealed class MarshallerTests
{
    private static readonly Platform Amd64 = new("linux", "amd64");
    private static readonly ExecOptions True = new() { Arguments = ["true"] };

    private static State Base => State.Image("docker.io/library/debian:trixie", Amd64);

    [TestMethod]
    public void Marshal_ReadBackAndMarshalledAgain_IsTheSame() =>
        Prop.ForAll(Graphs.Arbitrary, state =>
        {
            var definition = Marshaller.Marshal(state).Definition;
            var again = Marshaller.Marshal(DefinitionReader.ToState(Definition.Parser.ParseFrom(definition.ToByteArray()))).Definition;
            again.Source = definition.Source; // a map from digests, which reading does not spread over states
            return again.Equals(definition) && again.ToByteString() == definition.ToByteString();
        }).Check(Thorough);

    [TestMethod]
    public void Json_ReadBack_IsTheSame() =>
        Prop.ForAll(Graphs.Arbitrary, state =>
        {
            var definition = Marshaller.Marshal(state).Definition;
            return DefinitionDump.FromJson(DefinitionDump.ToJson(definition)).ToByteString() == definition.ToByteString();
        }).Check(Thorough);

    [TestMethod]
    public void Marshal_OtherNamesAndOrderOfDescriptions_ChangesNoDigest() =>
        Prop.ForAll(Graphs.Options.ToArbitrary(), Graphs.Options.ToArbitrary(), (one, other) =>
        {
            var first = Marshaller.Marshal(Chain(one)).Definition;
            var second = Marshaller.Marshal(Chain(other)).Definition;
            var reversed = Marshaller.Marshal(Chain(one with { Description = one.Description.Reverse().ToDictionary() })).Definition;
            return first.Def.SequenceEqual(second.Def) && first.ToByteString() == reversed.ToByteString();
        }).Check(Thorough);

    [TestMethod]
    public void Marshal_AnyGraph_HasEachOpOnceAfterItsInputs() =>
        Prop.ForAll(Graphs.Arbitrary, state =>
        {
            var ops = DefinitionReader.Read(Marshaller.Marshal(state).Definition); // throws where an input is missing
            return ops.Select(o => o.Digest).Distinct().Count() == ops.Count;
        }).Check(Thorough);

    [TestMethod]
    public void Dot_AnyGraph_HasANodeForEachOpAndNoRawNewline() =>
        Prop.ForAll(Graphs.Arbitrary, state =>
        {
            var definition = Marshaller.Marshal(state).Definition;
            var lines = DefinitionDump.ToDot(definition).Split('\n');
            return lines.Count(l => l.Contains("[label=", StringComparison.Ordinal) && l.Contains("tooltip=", StringComparison.Ordinal)) == definition.Def.Count;
        }).Check(Thorough);

    [TestMethod]
    public void Marshal_AChainOfFiftyThousand_DoesNotOverflowTheStack()
    {
        var state = Base;
        for (var i = 0; i < 50_000; i++)
            state = state.Run(True with { WorkingDirectory = "/" + i });
        Assert.HasCount(50_002, Marshaller.Marshal(state).Definition.Def);
    }

    [TestMethod]
    public void Marshal_Scratch_IsEmpty() => Assert.IsEmpty(Marshaller.Marshal(State.Scratch).Definition.Def);

    [TestMethod]
    public void Marshal_TheSameOpTwice_IsOneOp()
    {
        var one = Base.Run(True, new VertexOptions { Name = "one" });
        var other = State.Image("docker.io/library/debian:trixie", Amd64).Run(True, new VertexOptions { Name = "other" });
        Assert.HasCount(4, Marshaller.Marshal(State.Merge([one, other, State.Scratch])).Definition.Def);
    }

    [TestMethod]
    [DynamicData(nameof(Capabilities))]
    public void Marshal_DeclaresTheCapabilitiesThatAreUsed(State state, string expected)
    {
        var ops = DefinitionReader.Read(Marshaller.Marshal(state).Definition);
        Assert.AreEqual(expected, string.Join(' ', ops[^2].Metadata.Caps.Keys));
    }

    public static IEnumerable<(State, string)> Capabilities =>
    [
        (Base, "constraints platform source.image"),
        (State.Local("c", new LocalOptions { FollowPaths = ["a"], UniqueId = "u" }), "constraints source.local source.local.followpaths source.local.unique"),
        (State.Local("c", new LocalOptions { CompareMetadata = false }), "constraints source.local source.local.differ"),
        (State.Http("https://localhost/f", "sha256:0", "f", 0x1ED), "constraints source.http source.http.checksum source.http.perm"),
        (State.Http("https://localhost/f", null, "f", http: new HttpOptions { AuthorizationSecret = "s" }), "constraints source.http source.http.auth"),
        (State.Git("https://localhost/r.git", new GitOptions { Subdirectory = "d" }), "constraints source.git source.git.fullurl source.git.subdir"),
        (State.Git("https://localhost/r.git", new GitOptions { TokenSecret = "t" }), "constraints source.git source.git.fullurl source.git.httpauth"),
        (State.OciLayout($"x@sha256:{new string('1', 64)}", new OciLayoutOptions { Store = "s" }, Amd64), "constraints platform source.ocilayout"),
        (Base.Run(True), "constraints exec.meta.base exec.mount.bind"),
        (Base.Run(True with { Network = NetworkMode.None, Ulimits = [new Ulimit("nofile", 1, 1)] }), "constraints exec.meta.base exec.meta.network exec.meta.ulimit exec.mount.bind"),
        (Base.Run(True with { Security = SecurityMode.Insecure, ValidExitCodes = [3] }), "constraints exec.meta.base exec.meta.security exec.mount.bind exec.validexitcode"),
        (Base.Run(True with { Proxy = new ProxyEnvironment("p"), CgroupParent = "c" }), "constraints exec.meta.base exec.meta.cgroup.parent exec.meta.proxyenv exec.mount.bind"),
        (Base.Run(True with { SecretEnvironment = [new SecretVariable("V", "s")] }), "constraints exec.meta.base exec.mount.bind exec.secretenv"),
        (Base.Run(True with { Mounts = [new TmpfsMount("/t", 1), new CacheMount("/c", "c")] }),
            "constraints exec.meta.base exec.mount.bind exec.mount.cache exec.mount.cache.sharing exec.mount.tmpfs exec.mount.tmpfs.size"),
        (Base.Run(True with { Mounts = [new SecretMount("/s", "s"), new SshMount("/a"), new BindMount("/b", Base, "/etc")] }),
            "constraints exec.meta.base exec.mount.bind exec.mount.secret exec.mount.selector exec.mount.ssh"),
        (Base.File([new CopyAction(Base, "/a", "/b")]), "constraints file.base"),
        (Base.File([new CopyAction(Base, "/a", "/b") { ExcludePatterns = ["x"] }]), "constraints file.base file.copy.includeexcludepatterns"),
        (Base.File([new RemoveAction("/a")]), "constraints file.base file.rm.wildcard"),
        (Base.File([new RemoveAction("/a") { AllowWildcard = false }]), "constraints file.base"),
        (Base.File([new LinkAction("/a", "/b")]), "constraints file.base file.symlink.create"),
        (State.Merge([Base, Base.Run(True)]), "constraints mergeop"),
        (State.Diff(Base, Base.Run(True)), "constraints diffop"),
        (Base.Run(True, new VertexOptions { IgnoreCache = true, Name = "n", ExportCache = false }),
            "constraints exec.meta.base exec.mount.bind meta.description meta.exportcache meta.ignorecache"),
    ];

    [TestMethod]
    public void Execute_WritableMounts_AreOutputsOfTheirOwn()
    {
        var result = Base.Execute(True with { Mounts = [new BindMount("/ro", Base), new BindMount("/a", Base) { Writable = true }, new BindMount("/b", Base) { Writable = true }] });
        var op = DefinitionReader.Read(Marshaller.Marshal(result.Mount("/b")).Definition);
        Assert.AreEqual(2, op[^1].Op.Inputs[0].Index);
        CollectionAssert.AreEqual(new long[] { 0, -1, 1, 2 }, op[^2].Op.Exec.Mounts.Select(m => m.Output).ToArray());
        Assert.ThrowsExactly<KeyNotFoundException>(() => result.Mount("/ro"));
    }

    [TestMethod]
    public void Execute_ReadOnlyRoot_HasNoResultOfItsOwn()
    {
        var result = Base.Execute(True with { ReadOnlyRoot = true, Mounts = [new BindMount("/a", Base) { Writable = true }] });
        Assert.ThrowsExactly<InvalidOperationException>(() => result.Root);
        var op = DefinitionReader.Read(Marshaller.Marshal(result.Mount("/a")).Definition);
        CollectionAssert.AreEqual(new long[] { -1, 0 }, op[^2].Op.Exec.Mounts.Select(m => m.Output).ToArray());
    }

    [TestMethod]
    public void Marshal_SourceLocations_NameTheVertexAndShareTheFile()
    {
        var file = new SourceFile("env.csproj", "x"u8.ToArray());
        var definition = Marshaller.Marshal(Base.Run(True, new VertexOptions { Locations = [new SourceLocation(file, 3, 4)] })
            .Run(True, new VertexOptions { Locations = [new SourceLocation(file, 7, 7)] })).Definition;
        Assert.HasCount(1, definition.Source.Infos);
        var ops = DefinitionReader.Read(definition);
        Assert.AreEqual(7, definition.Source.Locations[ops[^2].Digest].Locations_[0].Ranges[0].Start.Line);
    }

    [TestMethod]
    [DataRow("https://host/team/repo.git", "git://host/team/repo.git#main", "https://host/team/repo.git")]
    [DataRow("ssh://git@host:22/team/repo.git", "git://host:22/team/repo.git#main", "ssh://git@host:22/team/repo.git")]
    [DataRow("git@host:team/repo.git", "git://host/team/repo.git#main", "git@host:team/repo.git")]
    public void Git_EveryFormOfRemote(string remote, string identifier, string url)
    {
        var source = DefinitionReader.Read(Marshaller.Marshal(State.Git(remote, new GitOptions { Reference = "main" })).Definition)[0].Op.Source;
        Assert.AreEqual(identifier, source.Identifier);
        Assert.AreEqual(url, source.Attrs["git.fullurl"]);
    }

    [TestMethod]
    [DataRow("team/repo")]
    [DataRow("file:///etc")]
    [DataRow("")]
    public void Git_WhatIsNoRemote_IsRefused(string remote) => Assert.ThrowsExactly<FormatException>(() => State.Git(remote, new GitOptions()));

    [TestMethod]
    public void Read_ADefinitionThatWasCutOrChanged_IsAFormatException()
    {
        var definition = Marshaller.Marshal(Base.Run(True)).Definition;
        var cut = definition.Clone();
        cut.Def.RemoveAt(0);
        Assert.ThrowsExactly<FormatException>(() => DefinitionReader.Read(cut));
        var broken = definition.Clone();
        broken.Def[0] = ByteString.CopyFrom(0xff, 0xff);
        Assert.ThrowsExactly<FormatException>(() => DefinitionReader.Read(broken));
        Assert.ThrowsExactly<FormatException>(() => DefinitionDump.FromJson("{}"));
        Assert.ThrowsExactly<FormatException>(() => DefinitionDump.FromJson(DefinitionDump.ToJson(definition).Replace("trixie", "sid", StringComparison.Ordinal)));
    }

    private static State Chain(VertexOptions options) =>
        State.Image("docker.io/library/debian:trixie", Amd64, options).Run(True, options).File([new MakeDirectoryAction("/d", 0x1ED)], options);

    private static Config Thorough => Config.QuickThrowOnFailure.WithMaxTest(200).WithEndSize(30);
}
