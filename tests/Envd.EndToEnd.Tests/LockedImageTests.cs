using System.Text.Json;
using Envd.BuildKit.Client;
using Envd.Llb;

namespace Envd.EndToEnd.Tests;

/// <summary>What is built from a lock: its layers, its digests, its bundle, and what is said of it.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class LockedImageTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task LockedPackages_AreTheSameInOneLayerAndInMany()
    {
        var trees = new List<string>();
        var locks = "";
        foreach (var (store, layers) in new[] { (TestEngine.Containerd, "wheel"), (TestEngine.Containerd, "single"), (TestEngine.Graphdriver, "wheel") })
        {
            using var project = new TestProject(store, name: "samelock");
            project.Write($"""
                <PropertyGroup><EnvdDev>false</EnvdDev><EnvdPythonLayers>{layers}</EnvdPythonLayers></PropertyGroup>
                <ItemGroup><AptPackage Include="less" /><PythonPackage Include="numpy;requests;jsonschema" />{TestProject.WheelsItem}
                <Step Include="file" WriteFile="text" TargetPath="/srv/data/file" /><Step Include="run" Run="echo made > /srv/made" /></ItemGroup>
                """);
            if (locks.Length > 0)
                project.WriteFile("pylock.toml", locks);
            var locked = await project.ToolAsync(Token, "lock");
            Assert.AreEqual(0, locked.ExitCode, locked.All);
            locks = await File.ReadAllTextAsync(project["pylock.toml"], Token);
            await project.BuildImageAsync(Token);
            trees.Add(await project.FilesAsync(Token));
        }
        StringAssert.Contains(trees[0], "/opt/envd/python/lib/python3.13/site-packages/numpy/__pycache__");
        TestProject.AssertSameFiles(trees[0], trees[1]);
        TestProject.AssertSameFiles(trees[0], trees[2]);
    }

    [TestMethod]
    public async Task AddedPackage_RunsOneStep_AndOrderRunsNone()
    {
        using var index = new WheelIndex([.. Enumerable.Range(1, 9).Select(i => ($"p{i}-1.0-py3-none-any.whl", TestFiles.Wheel("p" + i, "1.0", $"value = {i} # {Guid.NewGuid()}\n")))]);
        using var project = new TestProject();
        project.Write(Body("p1;p2;p3"));
        Assert.HasCount(3, Ran(await LockAndBuildAsync(project)).SelectMany(n => n["Python: ".Length..].Split(' ').Where(w => w.StartsWith('p'))));

        project.Write(Body("p3;p1;p2"));
        Assert.IsEmpty(Ran(await LockAndBuildAsync(project)), "another order ran something");

        project.Write(Body("p1;p2;p3;p4"));
        var added = Ran(await LockAndBuildAsync(project));
        Assert.HasCount(1, added, string.Join(", ", added));
        StringAssert.Contains(added[0], "p4");

        index.Files["p1-2.0-py3-none-any.whl"] = TestFiles.Wheel("p1", "2.0", "value = 12\n");
        var upgraded = await project.ToolAsync(Token, "lock", "--upgrade", "P1");
        StringAssert.Contains(upgraded.Output, "~ p1 1.0 → 2.0");
        Assert.DoesNotContain("p2", upgraded.Output);
        var steps = Ran(await project.BuildStepsAsync(Token));
        Assert.HasCount(1, steps, string.Join(", ", steps));
        Assert.AreEqual("12 2\n", await project.InImageAsync("python -c 'import p1, p2; print(p1.value, p2.value)'", Token));

        // Another environment with the same packages installs none of them again.
        using var second = new TestProject();
        second.Write(Body("p1;p2;p3;p4;p5"));
        var shared = Ran(await LockAndBuildAsync(second));
        Assert.HasCount(1, shared, string.Join(", ", shared));
        StringAssert.Contains(shared[0], "p5");

        string Body(string packages) => $"""{TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup><ItemGroup><PythonPackage Include="{packages}" /><PythonIndex Include="pypi" Url="{index.Url}" /></ItemGroup>""";
        static List<string> Ran(IEnumerable<Step> steps) => [.. steps.Where(s => !s.Cached && s.Name.StartsWith("Python: ", StringComparison.Ordinal)).Select(s => s.Name)];
    }

    private async Task<IReadOnlyList<Step>> LockAndBuildAsync(TestProject project)
    {
        var locked = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, locked.ExitCode, locked.All);
        return await project.BuildStepsAsync(Token);
    }

    [TestMethod]
    public async Task MergedTree_IsAWorkingEnvironment()
    {
        using var project = new TestProject();
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup><PythonPackage Include="numpy;space-one;space-two;pathy;toolz" />
            <PythonIndex Include="pypi" Url="{TestProject.Wheels}" /><PythonIndex Include="own" Url="wheels" /></ItemGroup>
            """);
        Directory.CreateDirectory(project["wheels"]);
        await File.WriteAllBytesAsync(project["wheels/space_one-1.0-py3-none-any.whl"], TestFiles.WheelOf("space_one", "1.0", [], "[console_scripts]\nspace-one = space.one:main\n[acme.plugins]\nfirst = space.one:main\n", ("space/one.py", "def main():\n    print('one')\n")), Token);
        await File.WriteAllBytesAsync(project["wheels/space_two-1.0-py3-none-any.whl"], TestFiles.WheelOf("space_two", "1.0", ["space-one"], "[acme.plugins]\nsecond = space.two:main\n", ("space/two.py", "def main():\n    print('two')\n"), ("space_two-1.0.data/data/share/space/two.txt", "data of two")), Token);
        await File.WriteAllBytesAsync(project["wheels/pathy-1.0-py3-none-any.whl"], TestFiles.WheelOf("pathy", "1.0", [], "", ("pathy.pth", "/opt/extra\n"), ("pathy_marker.py", "")), Token);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        await project.BuildImageAsync(Token);
        var seen = await project.InImageAsync("""
            set -e
            pip check
            space-one
            python -c 'import space.one, space.two; space.two.main()'
            python -c 'from importlib.metadata import entry_points; print(sorted(e.name for e in entry_points(group="acme.plugins")))'
            cat /opt/envd/python/share/space/two.txt; echo
            python -c 'import numpy; print(numpy.ones((50, 50)) @ numpy.ones((50, 50)) is not None)'
            mkdir -p /opt/extra; python -c 'import sys; print("/opt/extra" in sys.path)'
            pip freeze | grep -c '@ file' || true
            pip uninstall -y -q toolz && ! python -c 'import toolz' 2>/dev/null && echo uninstalled
            ls -d /opt/envd/python/lib/python3.13/site-packages/toolz* 2>/dev/null | wc -l
            find / -xdev -name '*.pyc' -path '*numpy*' | wc -l | grep -vx 0 > /dev/null && echo compiled
            """, Token);
        Assert.AreEqual("No broken requirements found.\none\ntwo\n['first', 'second']\ndata of two\nTrue\nTrue\n0\nuninstalled\n0\ncompiled\n", seen);
        // The user's own pip install works in it, as whoever the environment runs as.
        var installed = await project.InImageAsync($"echo {Convert.ToBase64String(TestFiles.Wheel("mine", "1.0", "value = 7\n"))} | base64 -d > /tmp/mine-1.0-py3-none-any.whl; pip install -q --root-user-action=ignore --no-index /tmp/mine-1.0-py3-none-any.whl && python -c 'import mine; print(mine.value)'", Token);
        Assert.AreEqual("7\n", installed);
    }

    [TestMethod, DoNotParallelize]
    public async Task OneLock_GivesOneDigestOnFreshEngines()
    {
        using var registry = TestRegistry.Open();
        var digests = new List<string>();
        var shadow = "";
        // Two folders, two users' homes; the base comes from a registry, as a team's would.
        using var first = new TestProject(folder: "one");
        using var second = new TestProject(folder: "two and more", name: first.Name);
        await PushBaseAsync(registry);
        foreach (var project in new[] { first, second })
        {
            project.WriteFile("data/file.txt", "content");
            project.Write($"""
                <ItemGroup><AptPackage Include="tree;git" /><PythonPackage Include="numpy;requests" />{TestProject.WheelsItem}<Service Include="ssh" />
                <Step Include="copy" Copy="data/**" TargetPath="/srv/data/" /><Step Include="run" Run="date > /dev/null; echo x > /srv/x" /><Step Include="write" WriteFile="t" TargetPath="/opt/own/file" /></ItemGroup>
                """, $"{registry.Host}/base:1");
        }
        Assert.AreEqual(0, (await first.ToolAsync(Token, "lock")).ExitCode);
        foreach (var file in new[] { "pylock.toml", "envd.lock.json" })
            File.Copy(first[file], second[file]);
        // The folder of wheels is named relative to the lock.
        second.WriteFile("pylock.toml", (await File.ReadAllTextAsync(second["pylock.toml"], Token)).Replace(Path.GetRelativePath(first.Folder, TestProject.Wheels), Path.GetRelativePath(second.Folder, TestProject.Wheels), StringComparison.Ordinal));
        await BuildAsync(first);
        shadow = await first.InImageAsync("cut -d: -f3 /etc/shadow | sort -u; find / -xdev -newermt 2026-11-01 -not -path '/proc*' -not -path '/sys*' -not -path '/dev*' -not -path '/etc/host*' -not -path /etc/resolv.conf -not -path /.dockerenv -not -path / -not -path /etc", Token);
        await using (var engine = await SpareEngine.StartAsync(4000, Token))
        {
            second.Engine = engine.Address;
            await BuildAsync(second);
            // Everything is forgotten: not on the engine that other tests use.
            File.Delete(Directory.GetFiles(second["obj/envd"], "image-*.json").Single());
            using (var docker = second.Docker())
                await docker.DeleteAsync($"images/{second.Name}:dev?force=true", Token);
            using (var client = engine.Client())
                await client.PruneAsync(new PruneOptions { All = true }, Token);
            await BuildAsync(second);
            second.Engine = first.Engine;
        }
        Assert.HasCount(3, digests);
        Assert.AreEqual(digests[0], digests[1], "another engine, folder and user gave another image");
        Assert.AreEqual(digests[0], digests[2], "a pruned engine gave another image");
        // No day of the build in it: accounts were last changed in 1980, or when the base was made; no file is of today.
        var today = (DateTime.UtcNow - DateTime.UnixEpoch).Days.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Assert.DoesNotContain(today, shadow);
        StringAssert.Contains(shadow, "3652");

        async Task BuildAsync(TestProject project)
        {
            await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
            using var json = JsonDocument.Parse(await File.ReadAllTextAsync(Directory.GetFiles(project["obj/envd"], "image-*.json").OrderByDescending(File.GetLastWriteTimeUtc).First(), Token));
            digests.Add(json.RootElement.GetProperty("digest").GetString()!);
        }
    }

    [TestMethod, DoNotParallelize]
    public async Task Bundle_BuildsWithNoNetworkAtAll()
    {
        using var project = new TestProject();
        var bundle = project["bundle"];
        string online;
        using (var registry = TestRegistry.Open())
        using (var index = new WheelIndex([.. new[] { "six", "numpy" }.Select(n => Directory.GetFiles(TestProject.Wheels, n + "-*.whl").Single()).Select(f => (Path.GetFileName(f), File.ReadAllBytes(f)))]))
        using (var files = new FileServer(_ => (200, "downloaded"u8.ToArray())))
        {
            await PushBaseAsync(registry);
            project.Write($"""
                {TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
                <ItemGroup><AptPackage Include="tree" /><PythonPackage Include="six;numpy" /><PythonIndex Include="pypi" Url="{index.Url}" />
                <Step Include="get" Download="{files.Address}/a%20file" TargetPath="/srv/file" /><Step Include="work" Run="tree --version" Network="none" /></ItemGroup>
                """, registry.Host + "/base:1");
            var locked = await project.ToolAsync(Token, "lock");
            Assert.AreEqual(0, locked.ExitCode, locked.All);
            online = (await project.ToolAsync(Token, "build")).Output.Trim();
            var written = await project.ToolAsync(Token, "bundle", "bundle");
            Assert.AreEqual(0, written.ExitCode, written.All);
            Assert.AreEqual(bundle, written.Output.Trim());
            Assert.DoesNotContain("not in the bundle", written.Error);
        }
        // Neither the registry nor the index nor the server is there any more, and the engine reaches nothing else.
        await using var engine = await SpareEngine.StartAsync(3000, Token, closed: true);
        var usual = project.Engine;
        project.Engine = engine.Address;
        try
        {
            var without = await project.ToolAsync(Token, "build");
            Assert.AreEqual(4, without.ExitCode, without.All);
            var built = await project.ToolAsync(Token, "build", "--from-bundle", "bundle");
            Assert.AreEqual(0, built.ExitCode, built.All);
            Assert.AreEqual("1.17.0 2.2.4\ndownloaded\n", await project.InImageAsync("python -c 'import six, numpy; print(six.__version__, numpy.__version__)'; cat /srv/file; echo; tree --version > /dev/null", Token));
            Assert.AreEqual(online, built.Output.Trim(), "the bundle gave another image");
            Directory.Delete(Path.Combine(bundle, "blobs"), recursive: true);
            File.Delete(Directory.GetFiles(project["obj/envd-lean"], "image-*.json").OrderByDescending(File.GetLastWriteTimeUtc).First());
            var broken = await project.ToolAsync(Token, "build", "--from-bundle", "bundle");
            Assert.AreEqual(4, broken.ExitCode, broken.All);
            StringAssert.Contains(broken.Error, "envd bundle");
        }
        finally
        {
            // What the test leaves behind is taken away from an engine that is still there.
            project.Engine = usual;
        }
    }

    [TestMethod]
    public async Task Bundle_HoldsWhatOnlyTheCompanysAuthorityVouchesFor()
    {
        using var probe = new TestProject();
        probe.Write(TestProject.Lean);
        await probe.BuildImageAsync(Token);
        var archive = await probe.ArchiveAsync(Token);
        using var project = new TestProject();
        string online;
        using (var upstream = new HttpClient())
        using (var server = new TlsFileServer(path =>
        {
            if (path.StartsWith("/debian/", StringComparison.Ordinal))
            {
                using var answer = upstream.Send(new HttpRequestMessage(HttpMethod.Get, archive + path["/debian".Length..]));
                using var body = new MemoryStream();
                answer.Content.ReadAsStream().CopyTo(body);
                return answer.IsSuccessStatusCode ? body.ToArray() : null;
            }
            var wheel = Path.Combine(TestProject.Wheels, Path.GetFileName(path));
            return File.Exists(wheel) ? File.ReadAllBytes(wheel) : path == "/simple/six/"
                ? System.Text.Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(Directory.GetFiles(TestProject.Wheels, "six-*.whl").Select(f => $"<a href=\"/{Path.GetFileName(f)}\">{Path.GetFileName(f)}</a>")) + "</body></html>") : null;
        }))
        {
            project.WriteFile("company.pem", server.Authority);
            project.WriteFile("company.sources", $"Types: deb\nURIs: {server.Address}/debian\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n");
            project.Write($"""
                {TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
                <ItemGroup>
                  <CertificateAuthority Include="company.pem" />
                  <AptSource Include="company.sources" Replace="true" />
                  <AptPackage Include="tree" />
                  <PythonPackage Include="six" />
                  <PythonIndex Include="pypi" Url="{server.Address}/simple" />
                </ItemGroup>
                """);
            var locked = await project.ToolAsync(Token, "lock");
            Assert.AreEqual(0, locked.ExitCode, locked.All);
            StringAssert.Contains(File.ReadAllText(project["envd.lock.json"]), server.Address + "/debian/pool/");
            var built = await project.ToolAsync(Token, "build");
            Assert.AreEqual(0, built.ExitCode, built.All);
            StringAssert.Contains(built.Error, "fetch tree");
            online = built.Output.Trim();
            var written = await project.ToolAsync(Token, "bundle", "bundle");
            Assert.AreEqual(0, written.ExitCode, written.All);
            Assert.DoesNotContain("not in the bundle", written.Error);
        }
        // The server is gone: what fetched is a copy out of the bundle.
        File.Delete(Directory.GetFiles(project["obj/envd-lean"], "image-*.json").Single());
        var again = await project.ToolAsync(Token, "build", "--from-bundle", "bundle");
        Assert.AreEqual(0, again.ExitCode, again.All);
        using var solved = JsonDocument.Parse(await File.ReadAllBytesAsync(Directory.GetFiles(project["obj/envd-lean"], "env.graph-*.json").Single(), Token));
        foreach (var title in new[] { "fetch tree", "fetch six" })
            Assert.AreEqual("files", solved.RootElement.GetProperty("nodes").EnumerateArray().Single(n => n.GetProperty("title").GetString() == title).GetProperty("operation").GetProperty("kind").GetString());
        Assert.AreEqual(online, again.Output.Trim());
        Assert.AreEqual("six\n", await project.InImageAsync("tree --version > /dev/null; python -c 'import six; print(six.__name__)'", Token));
    }

    [TestMethod]
    public async Task OutdatedExplainAndBillOfMaterials_SayWhatIsThere()
    {
        using var index = new WheelIndex(("old-1.0-py3-none-any.whl", TestFiles.Wheel("old", "1.0", $"value = 1 # {Guid.NewGuid()}\n")), ("kept-1.0-py3-none-any.whl", TestFiles.Wheel("kept", "1.0", "value = 1\n")));
        using var project = new TestProject();
        project.WriteFile("data/a.txt", "one");
        project.Write($"""
            {TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork><EnvdSbom>true</EnvdSbom></PropertyGroup>
            <ItemGroup><AptPackage Include="tree" /><PythonPackage Include="old;kept" /><PythonIndex Include="pypi" Url="{index.Url}" /><Step Include="data" Copy="data/**" TargetPath="/srv/data/" /><Step Include="after" Run="ls /srv/data" /></ItemGroup>
            """);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        await project.BuildImageAsync(Token);
        var current = await project.ToolAsync(Token, "outdated");
        Assert.AreEqual("", current.Output, current.All);

        index.Files["old-2.0-py3-none-any.whl"] = TestFiles.Wheel("old", "2.0", "value = 2\n");
        var outdated = await project.ToolAsync(Token, "outdated", "--json");
        Assert.AreEqual("""[{"kind":"python","name":"old","locked":"1.0","available":"2.0"}]""", outdated.Output.Trim(), outdated.All);
        StringAssert.Contains(await File.ReadAllTextAsync(project["pylock.toml"], Token), "old-1.0", "outdated wrote the lock");

        // Which file, which item.
        project.WriteFile("data/a.txt", Guid.NewGuid().ToString());
        var edited = await project.BuildImageAsync(Token);
        StringAssert.Contains(edited.Output, "ran 'image: data': changed: data/a.txt");
        StringAssert.Contains(edited.Output, "ran 'image: after': 'one time for image: data' ran");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock", "--upgrade", "old")).ExitCode);
        var upgraded = await project.ToolAsync(Token, "build");
        Assert.AreEqual(0, upgraded.ExitCode, upgraded.All);
        var explained = await project.ToolAsync(Token, "explain");
        StringAssert.Contains(explained.Output, "now with 2.0");

        using var bill = JsonDocument.Parse(await File.ReadAllTextAsync(Directory.GetFiles(project["obj/envd-lean"], "sbom-*.spdx.json").Single(), Token));
        Assert.AreEqual("SPDX-2.3", bill.RootElement.GetProperty("spdxVersion").GetString());
        var names = bill.RootElement.GetProperty("packages").EnumerateArray().ToDictionary(p => p.GetProperty("SPDXID").GetString()!, p => p.GetProperty("versionInfo").GetString());
        Assert.AreEqual("2.0", names["SPDXRef-pypi-old"]);
        Assert.IsTrue(names.ContainsKey("SPDXRef-deb-tree") && names.ContainsKey("SPDXRef-deb-dpkg"), "dpkg's packages are not in it");
    }

    [TestMethod]
    public async Task DownloadThatIsCutOff_IsTriedAgain()
    {
        using var index = new WheelIndex([.. Enumerable.Range(1, 6).Select(i => ($"cut{i}-1.0-py3-none-any.whl", TestFiles.Wheel("cut" + i, "1.0", $"value = {i} # {Guid.NewGuid()}\n")))]);
        using var project = new TestProject();
        project.Write($"""{TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup><ItemGroup><PythonPackage Include="{string.Join(';', Enumerable.Range(1, 6).Select(i => "cut" + i))}" /><PythonIndex Include="pypi" Url="{index.Url}" /></ItemGroup>""");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        index.Cut = 1;
        var built = await project.ToolAsync(Token, "build");
        Assert.AreEqual(0, built.ExitCode, built.All);
        StringAssert.Contains(built.Error, "was cut off; trying again.");
        index.Cut = 1000;
        project.Replace("cut6", "cut6;late");
        index.Files["late-1.0-py3-none-any.whl"] = TestFiles.Wheel("late", "1.0", "");
        index.Cut = 0;
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        index.Cut = 1000;
        var failed = await project.ToolAsync(Token, "build");
        Assert.AreEqual(4, failed.ExitCode, failed.All);
        StringAssert.Contains(failed.Error, "error ENVD4005");
    }

    [TestMethod]
    public async Task PushedImage_SaysWhatIsInItAndHowItWasBuilt_WhereThatIsAsked()
    {
        using var registry = TestRegistry.Open();
        using var project = new TestProject();
        project.Write($"""
            {TestProject.Lean}<PropertyGroup><ContainerRegistry>{registry.Host}</ContainerRegistry><EnvdSbom>true</EnvdSbom></PropertyGroup>
            <ItemGroup><AptPackage Include="tree" /><PythonPackage Include="six" />{TestProject.WheelsItem}</ItemGroup>
            """);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        var (types, bill) = await PushedAsync();
        CollectionAssert.AreEqual(new[] { "https://spdx.dev/Document" }, types);
        using var statement = JsonDocument.Parse(bill);
        Assert.AreEqual("https://spdx.dev/Document", statement.RootElement.GetProperty("predicateType").GetString());
        var names = statement.RootElement.GetProperty("predicate").GetProperty("packages").EnumerateArray().Select(p => p.GetProperty("name").GetString()).ToList();
        Assert.IsEmpty(new[] { "base-files", "tree", "six" }.Except(names));
        // It takes nothing from an image's being the same each time.
        var first = registry.Manifest(project.Name, "dev");
        await PushedAsync("-p:EnvdVerify=true");
        CollectionAssert.AreEqual(first, registry.Manifest(project.Name, "dev"));

        (types, _) = await PushedAsync("-p:EnvdProvenance=max");
        CollectionAssert.AreEquivalent(new[] { "https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2" }, types);

        async Task<(string[] Types, byte[] Bill)> PushedAsync(params string[] more)
        {
            var pushed = await project.DotNetAsync(Token, ["build", project.File, "-t:EnvdPush", "-tl:off", .. more]);
            Assert.AreEqual(0, pushed.ExitCode, pushed.All);
            using var index = JsonDocument.Parse(registry.Manifest(project.Name, "dev"));
            var manifests = index.RootElement.GetProperty("manifests").EnumerateArray().ToList();
            var attestation = manifests.Single(m => m.TryGetProperty("annotations", out var a) && a.GetProperty("vnd.docker.reference.type").GetString() == "attestation-manifest");
            Assert.AreEqual(manifests[0].GetProperty("digest").GetString(), attestation.GetProperty("annotations").GetProperty("vnd.docker.reference.digest").GetString());
            using var manifest = JsonDocument.Parse(registry.Blob(attestation.GetProperty("digest").GetString()!));
            var layers = manifest.RootElement.GetProperty("layers").EnumerateArray().Select(l => (Type: l.GetProperty("annotations").GetProperty("in-toto.io/predicate-type").GetString()!, Digest: l.GetProperty("digest").GetString()!)).ToList();
            return ([.. layers.Select(l => l.Type)], registry.Blob(layers.Single(l => l.Type == "https://spdx.dev/Document").Digest));
        }
    }

    /// <summary>The base as a team's registry would have it.</summary>
    private async Task PushBaseAsync(TestRegistry registry)
    {
        using var client = TestEngine.Client(TestEngine.Containerd);
        var image = Marshaller.Marshal(State.Image(TestEngine.BaseImage, Platform.Parse("linux/amd64"))).Definition;
        for (var attempt = 1; ; attempt++)
            try
            {
                await client.SolveAsync(image, new SolveOptions { Exporters = [new ExporterOptions("image", new Dictionary<string, string> { ["name"] = registry.Host + "/base:1", ["push"] = "true" })] }, Token);
                return;
            }
            catch (SolveException) when (attempt < 5)
            {
                // An engine that was pruned a moment ago looks for layers that it has just thrown away.
                await Task.Delay(TimeSpan.FromSeconds(3), Token);
            }
    }
}
