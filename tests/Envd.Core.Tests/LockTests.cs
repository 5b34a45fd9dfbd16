using System.Text;
using System.Text.Json;
using Envd.Core.Bills;
using Envd.Core.Bundles;
using Envd.Core.Diagnostics;
using Envd.Core.Explain;
using Envd.Core.Graph;
using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Tests;

/// <summary>Lock files, what a project takes from them, and the graph that comes of it.</summary>
[TestClass]
public sealed class LockTests
{
    private const string Sha = "1111111111111111111111111111111111111111111111111111111111111111";

    private static LockedPackage Wheel(string name, string version = "1.0", long size = 1000, bool requested = false, params string[] dependencies) => new()
    {
        Name = name,
        Version = version,
        Kind = "wheel",
        File = $"{name.Replace('-', '_')}-{version}-py3-none-any.whl",
        Url = $"https://files.example/{name.Replace('-', '_')}-{version}-py3-none-any.whl",
        Index = "https://index.example/simple",
        Sha256 = Sha,
        Size = size / 2,
        InstalledSize = size,
        Requested = requested,
        Dependencies = dependencies,
    };

    private static EnvironmentLock Lock(string platform, params LockedPackage[] packages) => new()
    {
        Platform = platform,
        Images = [new LockedImage("docker.io/library/debian:trixie", "sha256:" + Sha)],
        Python = new PythonLock { Inputs = ["base docker.io/library/debian:trixie", "python", "requirement \"quoted\" \\ text"], Packages = packages, Large = [.. packages.Where(p => p.InstalledSize >= WheelLayout.LargeSize).Select(p => p.Name)] },
    };

    [TestMethod]
    public void PythonLock_WrittenAndRead_IsTheSame()
    {
        var arm = Wheel("native") with { File = "native-1.0-cp313-cp313-manylinux_2_17_aarch64.whl", Url = "https://files.example/native-1.0-cp313-cp313-manylinux_2_17_aarch64.whl" };
        var amd = Wheel("native") with { File = "native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", Url = "https://files.example/native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl" };
        LockedPackage[] both =
        [
            Wheel("aa", dependencies: ["native"], requested: true),
            Wheel("local") with { Url = "", Index = "", Path = "../wheels/local-1.0-py3-none-any.whl" },
            Wheel("repo") with { Kind = "vcs", Url = "https://git.example/repo", Index = "", Sha256 = "", Size = 0, Commit = new string('a', 40), Reference = "v1", Subdirectory = "sub" },
            Wheel("source") with { Kind = "sdist", SourceFile = "source-1.0.tar.gz", Url = "https://files.example/source-1.0.tar.gz", Size = 0 },
        ];
        var locks = new[] { Lock("linux/amd64", [.. both, amd, Wheel("only-amd", "2.0")]), Lock("linux/arm64", [.. both, arm, Wheel("only-amd", "3.0")]) };
        var text = PythonLockFile.Write(locks);
        var read = PythonLockFile.Read(text);
        foreach (var held in locks)
        {
            Assert.AreEqual(JsonSerializer.Serialize(held.Python!.Packages.OrderBy(p => p.Name, StringComparer.Ordinal)), JsonSerializer.Serialize(read[held.Platform].Packages));
            CollectionAssert.AreEqual(held.Python.Inputs.ToList(), read[held.Platform].Inputs.ToList());
        }
        Assert.AreEqual(text, PythonLockFile.Write([.. locks.Reverse()]), "the order of platforms shows");
        Golden.Match("locked.pylock.toml", text);
    }

    [TestMethod]
    public void SystemLock_WrittenAndRead_IsTheSame()
    {
        var held = Lock("linux/amd64") with
        {
            Apt = [new LockedAptGroup("apt", ["tree"], ["base x"], [new LockedDeb("tree", "1:2.0", "http://mirror.example/tree_1%3a2.0_amd64.deb", Sha, 10)])],
            Git = [new LockedGit("https://git.example/x", "main", new string('b', 40))],
            Downloads = [new LockedDownload("https://files.example/f", "sha256:" + Sha)],
        };
        var bytes = SystemLockFile.Write([held]);
        Assert.AreEqual(Encoding.UTF8.GetString(bytes), Encoding.UTF8.GetString(SystemLockFile.Write(SystemLockFile.Read(bytes))));
        Assert.AreEqual("tree_1%3a2.0_amd64.deb", SystemLockFile.Read(bytes)[0].Apt[0].Debs[0].File);
    }

    [TestMethod]
    [DataRow("name = \"aa\"", "name = \"../x\"", "name is '../x'")]
    [DataRow("sha256 = \"1111", "sha256 = \"XX11", "no SHA-256")]
    [DataRow("https://files.example/aa", "file:///etc/aa", "address of aa")]
    [DataRow("name = \"aa-1.0-py3-none-any.whl\"", "name = \"a/../b.whl\"", "a wheel of aa is named")]
    [DataRow("version = \"1.0\"\nindex", "version = \"1.0\\n--index-url=x\"\nindex", "version of aa")]
    [DataRow("version = \"1.0\"\nindex", "version = \"$(touch x)\"\nindex", "version of aa")]
    [DataRow("lock-version = \"1.0\"", "lock-version = \"9.0\"", "reads 1.x")]
    [DataRow("lock-version = \"1.0\"", "", "no lock-version")]
    [DataRow("[tool.envd]\nversion = 1", "[tool.envd]\nversion = 2", "of version 2")]
    [DataRow("wheels = [", "wheels = [[", "no TOML")]
    public void PythonLock_EditedByHand_IsRefused(string old, string now, string expected)
    {
        var text = PythonLockFile.Write([Lock("linux/amd64", Wheel("aa"))]);
        StringAssert.Contains(text, old);
        var e = Assert.ThrowsExactly<LockFormatException>(() => PythonLockFile.Read(text.Replace(old, now, StringComparison.Ordinal)));
        StringAssert.Contains(e.Message, expected);
    }

    [TestMethod]
    [DataRow("\"name\": \"tree\"", "\"name\": \"tree; touch x\"")]
    [DataRow("\"version\": \"1:2.0\"", "\"version\": \"1\\nPackage: *\"")]
    [DataRow("http://mirror.example/", "file:///etc/")]
    [DataRow("\"digest\": \"sha256:", "\"digest\": \"sha256:x")]
    [DataRow("\"commit\": \"bbb", "\"commit\": \"-bb")]
    public void SystemLock_EditedByHand_IsRefused(string old, string now)
    {
        var held = Lock("linux/amd64") with
        {
            Apt = [new LockedAptGroup("apt", ["tree"], [], [new LockedDeb("tree", "1:2.0", "http://mirror.example/tree_1%3a2.0_amd64.deb", Sha, 10)])],
            Git = [new LockedGit("https://git.example/x", "main", new string('b', 40))],
        };
        var text = Encoding.UTF8.GetString(SystemLockFile.Write([held]));
        StringAssert.Contains(text, old);
        Assert.ThrowsExactly<LockFormatException>(() => SystemLockFile.Read(Encoding.UTF8.GetBytes(text.Replace(old, now, StringComparison.Ordinal))));
    }

    [TestMethod]
    public void Layout_EditsMoveOnlyWhatChanged_AndLayersAreFew()
    {
        var packages = Enumerable.Range(0, 150).Select(i => Wheel($"package-{i}", size: i % 4 == 0 ? WheelLayout.LargeSize + (i * 1000) : 1000 + i, requested: i % 3 == 0)).ToList();
        var order = WheelLayout.OrderLarge(packages, []);
        var buckets = WheelLayout.Arrange(packages, order);
        Assert.IsLessThanOrEqualTo(WheelLayout.MaximumBuckets, buckets.Count);
        CollectionAssert.AreEquivalent(packages.Select(p => p.Name).ToList(), buckets.SelectMany(b => b.Packages).Select(p => p.Name).ToList());
        Assert.IsTrue(buckets[0].Packages.Single().InstalledSize >= buckets[1].Packages.Single().InstalledSize, "the largest is not at the bottom");

        // A new large one goes upon the large ones, and nothing else moves.
        var grown = packages.Append(Wheel("giant", size: 1 << 30)).ToList();
        var known = packages.Take(40).ToList();
        var knownOrder = WheelLayout.OrderLarge(known, []);
        var withGiant = WheelLayout.Arrange([.. known, grown[^1]], WheelLayout.OrderLarge([.. known, grown[^1]], knownOrder));
        CollectionAssert.AreEqual(Describe(WheelLayout.Arrange(known, knownOrder)), Describe(withGiant).Where(b => !b.Contains("giant", StringComparison.Ordinal)).ToList());
        Assert.AreEqual("giant", withGiant[knownOrder.Count].Name);
        Assert.AreEqual("giant", WheelLayout.OrderLarge([.. known, grown[^1]], [])[0], "a new layout begins with the largest");

        // A small one changes one bucket.
        var added = WheelLayout.Arrange([.. packages, Wheel("tiny")], order);
        Assert.HasCount(1, Describe(added).Except(Describe(buckets)));

        static List<string> Describe(IEnumerable<WheelBucket> buckets) => [.. buckets.Select(b => $"{b.Name}: {string.Join(' ', b.Packages.Select(p => p.Name))}")];
    }

    private static TestModel Project(string body, EnvironmentLock? held, params (string, string)[] properties)
    {
        var model = new TestModel(body, properties);
        if (held is not null)
            LockFiles.Of(model.File, "").Write([held]);
        return model;
    }

    private const string Body = """
        <PropertyGroup />
        <ItemGroup>
          <AptPackage Include="tree" />
          <PythonPackage Include="aa" />
          <PythonPackage Include="large" Version="2.0" />
          <PythonIndex Include="pypi" Url="https://index.example/simple" />
          <Step Include="repo" Git="https://git.example/x.git" Ref="main" TargetPath="/opt/x/" />
          <Step Include="file" Download="https://files.example/f" TargetPath="/opt/f" />
          <Step Include="text" WriteFile="t" TargetPath="/etc/own/file" />
        </ItemGroup>
        """;

    private static EnvironmentLock Covering(string body = Body)
    {
        using var model = new TestModel(body);
        var spec = model.BuildOrFail().Environment;
        return new EnvironmentLock
        {
            Platform = "linux/amd64",
            Images = [new LockedImage("docker.io/library/debian:trixie", "sha256:" + Sha)],
            Apt = [.. Planner.LockableAptSteps(spec).Select(s => new LockedAptGroup(s.Id, s.Packages, LockInputs.OfApt(spec, model.Folder), [new LockedDeb(s.Id, "1.0", $"http://mirror.example/{s.Id}_1.0_amd64.deb", Sha, 10)]))],
            Git = [new LockedGit("https://git.example/x.git", "main", new string('b', 40))],
            Downloads = [new LockedDownload("https://files.example/f", "sha256:" + Sha)],
            Python = new PythonLock
            {
                Inputs = LockInputs.OfPython(spec, model.Folder),
                Packages = [Wheel("aa", dependencies: ["bb"]), Wheel("bb"), Wheel("large", "2.0", 9 << 20, requested: true), Wheel("orphan")],
                Large = ["large"],
            },
        };
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void LockedProject_Golden(bool merge)
    {
        using var model = Project(Body, Covering());
        var result = model.BuildOrFail();
        Assert.IsEmpty(result.Run.LockChanges);
        var spec = result.Environment;
        CollectionAssert.AreEqual(new[] { "aa", "bb", "large" }, spec.Lock!.Python!.Packages.Select(p => p.Name).ToList(), "what nothing reaches is left out");
        var graph = LockedGraph.Pin(Planner.Plan(spec, merge), spec.Lock);
        var plan = merge ? "merge" : "linear";
        if (merge)
            Golden.Match("locked.spec.json", Encoding.UTF8.GetString(SpecFile.ToBytes(spec)));
        Golden.Match($"locked.{plan}.graph.json", Encoding.UTF8.GetString(graph.ToBytes()));
        Assert.IsFalse(graph.Nodes.Any(n => n.Operation is DownloadOperation { Checksum: "" }), "a download has no digest");
        Assert.IsTrue(graph.Nodes.Where(n => n.Operation is RunOperation && n.Title.StartsWith("Python", StringComparison.Ordinal)).All(n => ((RunOperation)n.Operation).Network == "none"));
        Assert.IsNotEmpty(GraphLowering.Lower(graph).Definition.Def);
        CollectionAssert.AreEqual(EnvironmentGraph.Read(graph.ToBytes()).ToBytes(), graph.ToBytes());
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void InterpreterOfAManager_WithSourcesAndALogin_IsAWholeGraph(bool merge)
    {
        const string body = """
            <ItemGroup>
              <Language Include="python" Manager="uv" Version="3.12" />
              <PythonPackage Include="aa" />
              <PythonPackage Include="source" />
              <PythonPackage Include="other" />
              <Secret Include="token" Source="env:TOKEN" />
              <PythonIndex Include="pypi" Url="https://index.example/simple" UserName="me" Secret="token" />
            </ItemGroup>
            """;
        using var plain = new TestModel(body);
        var held = new EnvironmentLock
        {
            Platform = "linux/amd64",
            Apt = [.. Planner.LockableAptSteps(plain.BuildOrFail().Environment).Select(s => new LockedAptGroup(s.Id, s.Packages, LockInputs.OfApt(plain.BuildOrFail().Environment, plain.Folder), []))],
            Python = new PythonLock
            {
                Inputs = LockInputs.OfPython(plain.BuildOrFail().Environment, plain.Folder),
                Packages = [Wheel("aa"), Wheel("source") with { Kind = "sdist", SourceFile = "source-1.0.tar.gz", Url = "https://index.example/source-1.0.tar.gz" }, Wheel("other") with { Kind = "sdist", SourceFile = "other-1.0.tar.gz", Url = "https://index.example/other-1.0.tar.gz" }],
            },
        };
        using var model = Project(body, held);
        var graph = Planner.Plan(model.BuildOrFail().Environment, merge);
        var known = new HashSet<string>();
        foreach (var node in graph.Nodes)
        {
            Assert.IsTrue(node.Operation.TakesFrom.All(known.Contains), $"{node.Id} takes from what is not there: {string.Join(", ", node.Operation.TakesFrom.Where(i => !known.Contains(i)))}");
            known.Add(node.Id);
        }
        Assert.IsFalse(graph.Nodes.Any(n => n.Id.StartsWith("python-system-", StringComparison.Ordinal)), "one tree was planned twice");
        Assert.IsNotEmpty(GraphLowering.Lower(graph).Definition.Def);
    }

    [TestMethod]
    [DataRow("Include=\"tree\"", "Include=\"tree;less\"", "apt: package less is new")]
    [DataRow("Version=\"2.0\"", "Version=\"3.0\"", "requirement large==2.0 is now requirement large==3.0")]
    [DataRow("<PythonPackage Include=\"aa\" />", "<PythonPackage Include=\"aa;cc\" />", "requirement cc is new")]
    [DataRow("https://index.example/simple", "https://other.example/simple", "index pypi https://index.example/simple simple is now index pypi https://other.example/simple simple")]
    public void ProjectThatAsksForMore_MakesTheLockStale(string old, string now, string expected)
    {
        var body = Body.Replace(old, now, StringComparison.Ordinal);
        using (var model = Project(body, Covering()))
        {
            var result = model.BuildOrFail();
            CollectionAssert.Contains(result.Run.LockChanges.ToList(), expected);
            Assert.IsEmpty(result.Environment.Locks, "a stale lock was used");
        }
        using (var model = Project(body, Covering(), ("EnvdLocked", "true")))
        {
            Assert.IsNull(model.Build());
            var error = model.Diagnostics.Items.Single();
            Assert.AreEqual(ErrorCodes.LockStale, error.Code);
            StringAssert.Contains(error.Message, expected);
        }
    }

    [TestMethod]
    [DataRow("<PythonPackage Include=\"aa\" />", "")]
    [DataRow("<AptPackage Include=\"tree\" />", "")]
    [DataRow("<Step Include=\"text\"", "<Step Include=\"other\"")]
    public void ProjectThatAsksForLess_IsCovered(string old, string now)
    {
        using var model = Project(Body.Replace(old, now, StringComparison.Ordinal), Covering(), ("EnvdLocked", "true"));
        Assert.IsNotNull(model.BuildOrFail().Environment.Lock);
    }

    [TestMethod]
    public void NoLock_IsAnErrorOnlyWhereItIsWanted()
    {
        using var free = new TestModel(Body);
        Assert.IsEmpty(free.BuildOrFail().Run.LockChanges);
        using var locked = new TestModel(Body, ("EnvdLocked", "true"));
        Assert.IsNull(locked.Build());
        StringAssert.Contains(locked.Diagnostics.Items.Single().Text, "envd lock");
    }

    [TestMethod]
    public void Bundle_TakesEverythingThatALockNames()
    {
        using var model = Project(Body, Covering());
        var spec = model.BuildOrFail().Environment;
        var graph = LockedGraph.Pin(Planner.Plan(spec, merge: true), spec.Lock);
        var materials = BundledGraph.PlanMaterials(graph, spec.Lock!);
        var paths = ((FilesOperation)materials.Nodes[^1].Operation).Actions.Select(a => a.Path).ToList();
        foreach (var expected in new[] { $"/files/{Sha}/aa-1.0-py3-none-any.whl", $"/files/{Sha}/f", $"/files/{Sha}/apt_1.0_amd64.deb", "/git/" + new string('b', 40) })
            CollectionAssert.Contains(paths, expected);
        var offline = BundledGraph.Apply(graph, spec.Lock!, tag => "sha256:" + Sha);
        Assert.IsFalse(Reachable(offline).Any(n => n.Operation is DownloadOperation or GitOperation or ImageOperation), "something would be fetched");
        Assert.IsEmpty(BundledGraph.Online(graph));
        Assert.IsNotEmpty(GraphLowering.Lower(offline).Definition.Def);
    }

    private static IEnumerable<GraphNode> Reachable(EnvironmentGraph graph)
    {
        var nodes = graph.Nodes.ToDictionary(n => n.Id);
        var seen = new HashSet<string>();
        var pending = new Stack<string>([graph.Result]);
        while (pending.TryPop(out var id))
            if (id.Length > 0 && seen.Add(id))
            {
                yield return nodes[id];
                foreach (var input in nodes[id].Operation.TakesFrom)
                    pending.Push(input);
            }
    }

    [TestMethod]
    public void Explain_NamesTheItemTheFileOrTheStep()
    {
        const string one = "<ItemGroup><PythonPackage Include=\"six\" /><Step Include=\"data\" Copy=\"data/**\" TargetPath=\"/data/\" /><Step Include=\"after\" Run=\"ls /data\" /></ItemGroup>";
        using var first = new TestModel(one);
        first.Write("data/a.txt", "a");
        using var second = new TestModel(one.Replace("six", "six;toolz", StringComparison.Ordinal));
        second.Write("data/a.txt", "a");
        var before = new BuiltFrom(Planner.Plan(first.BuildOrFail().Environment, true), """[["data/a.txt",1,2,3]]"""u8.ToArray(), "sha256:old");
        var after = new BuiltFrom(Planner.Plan(second.BuildOrFail().Environment, true), before.Inputs, "sha256:old");
        Assert.AreEqual("now with toolz", new BuildComparison(before, after, ["pip install six toolz"]).Reason("pip install six toolz"));
        var edited = before with { Inputs = """[["data/a.txt",9,2,3]]"""u8.ToArray() };
        var comparison = new BuildComparison(before, edited, ["image: data", "image: after"]);
        Assert.AreEqual("changed: data/a.txt", comparison.Reason("image: data"));
        Assert.AreEqual("'image: data' ran", comparison.Reason("image: after"));
        Assert.AreEqual("the base image was sha256:old and is sha256:new", new BuildComparison(before, before with { BaseDigest = "sha256:new" }, ["pip install six"]).Reason("pip install six"));
        Assert.AreEqual("the engine no longer had it", new BuildComparison(before, before, ["pip install six"]).Reason("pip install six"));
        Assert.AreEqual("nothing was built here before", new BuildComparison(null, before, ["pip install six"]).Reason("pip install six"));
    }

    [TestMethod]
    public void BillOfMaterials_Golden()
    {
        using var model = Project(Body, Covering());
        var bytes = BillOfMaterials.Write(model.BuildOrFail().Environment, "sha256:" + Sha, "Package: apt\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\nDescription: x\n more\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 2\nArchitecture: all\n\nPackage: libc6\nStatus: install ok installed\nVersion: 2.41-1\nArchitecture: amd64\nSource: glibc\n");
        Golden.Match("locked.spdx.json", Encoding.UTF8.GetString(bytes));
    }
}
