namespace Envd.EndToEnd.Tests;

/// <summary>Locks: what they hold, and what is refused.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class LockTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task Lock_IsWrittenObeyedAndBroughtUpToDate()
    {
        using var project = new TestProject();
        project.Write($"""{TestProject.Lean}<ItemGroup><AptPackage Include="tree" /><PythonPackage Include="toolz;requests" />{TestProject.WheelsItem}</ItemGroup>""");
        var locked = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdLock", "-tl:off");
        Assert.AreEqual(0, locked.ExitCode, locked.All);
        StringAssert.Contains(locked.Output, "+ urllib3 ");
        StringAssert.Contains(locked.Output, "+ apt: tree ");
        var (python, system) = (await File.ReadAllTextAsync(project["pylock.toml"], Token), await File.ReadAllTextAsync(project["envd.lock.json"], Token));
        await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        // Any reader of TOML reads it, and pip finds what it names.
        var seen = await project.InImageAsync("pip list --format=freeze; pip check; tree --version | head -1; apt-mark showmanual | grep -xE 'python3|python3-venv|tree|libexpat1' | paste -sd,; find / -xdev -path '*/dist-info/REQUESTED' -o -xdev -name REQUESTED -path '*t*-*.dist-info*' | LC_ALL=C sort", Token);
        StringAssert.Contains(seen, "requests==2.32.3");
        StringAssert.Contains(seen, "python3,python3-venv,tree\n", "what came along is not marked so");
        StringAssert.Contains(seen, "No broken requirements found.");
        Assert.DoesNotContain("urllib3-2.3.0.dist-info/REQUESTED", seen);
        StringAssert.Contains(seen, "toolz-1.0.0.dist-info/REQUESTED");
        Assert.AreEqual("1.0\n", await ParsedAsync(project, python));

        // Nothing has changed, and a comment changes nothing.
        var again = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, again.ExitCode, again.All);
        StringAssert.Contains(again.Error, "The lock is current.");
        Assert.AreEqual(python + system, await File.ReadAllTextAsync(project["pylock.toml"], Token) + await File.ReadAllTextAsync(project["envd.lock.json"], Token));

        // More is asked for than is locked: an error where that is wished, an update otherwise.
        project.Replace("toolz;requests", "toolz;requests;six");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off", "-p:EnvdLocked=true");
        Assert.AreNotEqual(0, refused.ExitCode);
        StringAssert.Contains(refused.Output, "ENVD1022");
        StringAssert.Contains(refused.Output, "requirement six is new");
        var check = await project.ToolAsync(Token, "lock", "--check");
        Assert.AreEqual(2, check.ExitCode, check.All);
        var updated = await project.BuildImageAsync(Token);
        StringAssert.Contains(updated.Output, "+ six 1.17.0");
        Assert.DoesNotContain("~ ", updated.Output);
        StringAssert.Contains(await project.InImageAsync("python -c 'import six; print(six.__version__)'", Token), "1.17.0");
        var quiet = await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        Assert.DoesNotContain("exporting", quiet.Output);

        // Less is asked for: the lock still covers it, and what nothing asks for any more is not installed.
        project.Replace("toolz;requests;six", "six");
        project.Replace("<AptPackage Include=\"tree\" />", "");
        await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        Assert.AreEqual("pip,six", (await project.InImageAsync("pip list --format=freeze | cut -d= -f1 | paste -sd,; command -v tree || true", Token)).Trim());
        var pruned = await project.ToolAsync(Token, "lock");
        StringAssert.Contains(pruned.Output, "- urllib3 2.3.0");
        StringAssert.Contains(pruned.Output, "- apt: tree ");
    }

    private async Task<string> ParsedAsync(TestProject project, string toml)
    {
        project.WriteFile("copy.toml", toml);
        var copy = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(toml));
        return await project.InImageAsync($"echo {copy} | base64 -d > /tmp/l.toml; python -c 'import tomllib; d = tomllib.load(open(\"/tmp/l.toml\", \"rb\")); assert all(p[\"wheels\"][0][\"hashes\"][\"sha256\"] for p in d[\"packages\"]); print(d[\"lock-version\"])'", Token);
    }

    [TestMethod]
    public async Task Sources_LoginsAndMappedIndexes_AreLocked()
    {
        const string password = "pass-of-the-index";
        using var open = new WheelIndex(
            ("setuptools-78.1.1-py3-none-any.whl", await File.ReadAllBytesAsync(Directory.GetFiles(TestProject.Wheels, "setuptools-*.whl").Single(), Token)),
            // What a stranger has put there under a name of ours, newer than ours.
            ("ours-9.0-py3-none-any.whl", TestFiles.Wheel("ours", "9.0", "value = 'stranger'\n")),
            ("built-1.0.tar.gz", TestFiles.Archive(
                ("built-1.0/pyproject.toml", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"built\"\nversion = \"1.0\"\n[tool.setuptools]\npy-modules = [\"built\"]\n"),
                ("built-1.0/built.py", "value = 'built'\n"), ("built-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: built\nVersion: 1.0\n"))));
        using var own = new WheelIndex(("ours-1.0-py3-none-any.whl", TestFiles.WheelOf("ours", "1.0", ["ours-base"], "", ("ours/__init__.py", "value = 'ours'\n"))), ("ours_base-1.0-py3-none-any.whl", TestFiles.Wheel("ours_base", "1.0", "value = 1\n"))) { Login = "ci:" + password };
        using var project = new TestProject();
        project.OwnVariables["TEST_LOCK_INDEX"] = password;
        project.Write($"""
            {TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup><PythonPackage Include="ours;built" /><Secret Include="token" Source="env:TEST_LOCK_INDEX" />
            <PythonIndex Include="pypi" Url="{open.Url}" /><PythonIndex Include="company" Url="{own.Url}" UserName="ci" Secret="token" Packages="ours*" /></ItemGroup>
            """);
        var locked = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, locked.ExitCode, locked.All);
        StringAssert.Contains(locked.Output, "+ ours 1.0");
        StringAssert.Contains(await File.ReadAllTextAsync(project["pylock.toml"], Token), "sdist = { name = \"built-1.0.tar.gz\"");
        await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        Assert.AreEqual("ours 1 built\n0\n", await project.InImageAsync($"python -c 'import ours, ours_base, built; print(ours.value, ours_base.value, built.value)'; grep -rl --binary-files=text '{password}' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null | wc -l", Token));
        foreach (var file in Directory.GetFiles(project.Folder, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(password, await File.ReadAllTextAsync(file, Token), file);
        Assert.IsFalse(open.Requests.Any(r => r.Contains("ours", StringComparison.Ordinal)), "the open index was asked for a private name");
    }

    [TestMethod]
    public async Task Repositories_AreLockedByCommit_AndEditableProjectsStayEditable()
    {
        using var project = new TestProject();
        using var repository = new TemporaryFolder("repository");
        repository.Write("work/pyproject.toml", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"fromgit\"\nversion = \"1.0\"\ndependencies = [\"six\"]\n[tool.setuptools]\npy-modules = [\"fromgit\"]\n");
        repository.Write("work/fromgit.py", "value = 'first'\n");
        await GitAsync("init -q -b main", "add .", "-c user.name=t -c user.email=t@t commit -qm one", "clone -q --bare . ../repo.git", "--git-dir=../repo.git update-server-info");
        using var server = FileServer.OfFolder(repository.Path);
        project.WriteFile("requirements.txt", $"fromgit @ git+{server.Address}/repo.git@main\n");
        project.WriteFile("app/pyproject.toml", "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"app\"\nversion = \"1.0\"\ndependencies = [\"toolz\"]\n[tool.setuptools]\npackages = [\"app\"]\n");
        project.WriteFile("app/app/__init__.py", "value = 'app'\n");
        project.Write($"""
            {TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup><AptPackage Include="git;ca-certificates" /><PythonRequirements Include="requirements.txt" Stage="system" /><PythonProject Include="app/pyproject.toml" />{TestProject.WheelsItem}
            <Step Include="tree" Git="{server.Address}/repo.git" Ref="main" TargetPath="/opt/repo/" /></ItemGroup>
            """);
        var locked = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, locked.ExitCode, locked.All);
        StringAssert.Contains(locked.Output, "+ fromgit 1.0");
        StringAssert.Contains(locked.Output, "+ six ");
        StringAssert.Contains(locked.Output, "+ toolz ");
        StringAssert.Contains(await File.ReadAllTextAsync(project["pylock.toml"], Token), "requested-revision = \"main\"");

        // The branch moves on; what is locked does not.
        repository.Write("work/fromgit.py", "value = 'second'\n");
        await GitAsync("-c user.name=t -c user.email=t@t commit -qam two", "push -q ../repo.git main", "--git-dir=../repo.git update-server-info");
        await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        const string ask = "python -c 'import fromgit, six, toolz, app; print(fromgit.value, app.value)'; cat /opt/repo/fromgit.py";
        Assert.AreEqual("first app\nvalue = 'first'\n", await project.InImageAsync(ask, Token));
        var outdated = await project.ToolAsync(Token, "outdated");
        StringAssert.Contains(outdated.Output, "git ", outdated.All);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock", "--upgrade-all")).ExitCode);
        await project.BuildImageAsync(Token);
        Assert.AreEqual("second app\nvalue = 'second'\n", await project.InImageAsync(ask, Token));

        async Task GitAsync(params string[] lines)
        {
            foreach (var line in lines)
            {
                var done = await Commands.RunAsync("git", line.Split(' '), repository["work"], new Dictionary<string, string?>(), Token);
                Assert.AreEqual(0, done.ExitCode, done.All);
            }
        }
    }

    [TestMethod]
    public async Task LockOfAnotherTool_IsAdopted()
    {
        using var index = new WheelIndex(("soft-1.0-py3-none-any.whl", TestFiles.Wheel("soft", "1.0", "value = 1\n")), ("soft-2.0-py3-none-any.whl", TestFiles.Wheel("soft", "2.0", "value = 2\n")));
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(index.Files["soft-1.0-py3-none-any.whl"]));
        using var project = new TestProject();
        project.Write($"""{TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup><ItemGroup><PythonPackage Include="soft" /><PythonIndex Include="pypi" Url="{index.Url}" /></ItemGroup>""");
        string Foreign(string sha) => $$"""
            lock-version = "1.0"
            created-by = "uv"
            requires-python = ">=3.12"

            [[packages]]
            name = "the-project"
            directory = { path = ".", editable = true }

            [[packages]]
            name = "soft"
            version = "1.0"
            index = "https://pypi.org/simple"
            wheels = [{ url = "https://files.example/soft-1.0-py3-none-any.whl", upload-time = 2024-05-02T10:00:00Z, size = 300, hashes = { sha256 = "{{sha}}" } }]
            """;
        project.WriteFile("pylock.toml", Foreign(new string('a', 64)));
        var refused = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(4, refused.ExitCode, refused.All);
        StringAssert.Contains(refused.Error, "ENVD4006");
        project.WriteFile("pylock.toml", Foreign(digest));
        var adopted = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, adopted.ExitCode, adopted.All);
        StringAssert.Contains(adopted.Output, "+ soft 1.0");
        await project.BuildImageAsync(Token, "-p:EnvdLocked=true");
        Assert.AreEqual("1\n", await project.InImageAsync("python -c 'import soft; print(soft.value)'", Token));
    }

    [TestMethod]
    public async Task BadLocksAndIndexes_AreOneClearError()
    {
        var good = TestFiles.Wheel("good", "1.0", "value = 1\n");
        using var index = new WheelIndex(("good-1.0-py3-none-any.whl", good), ("one-1.0-py3-none-any.whl", TestFiles.WheelOf("one", "1.0", ["good<1.0"], "", ("one.py", ""))),
            ("twin_a-1.0-py3-none-any.whl", TestFiles.WheelOf("twin_a", "1.0", [], "", ("twin/shared.py", "a = 1\n"))), ("twin_b-1.0-py3-none-any.whl", TestFiles.WheelOf("twin_b", "1.0", [], "", ("twin/shared.py", "b = 2\n"))));
        using var project = new TestProject();

        // Nothing satisfies both.
        Write("<PythonPackage Include=\"one\" />\n<PythonPackage Include=\"good\" Version=\"1.0\" />");
        var impossible = await FailAsync("ENVD4007");
        StringAssert.Contains(impossible, "one 1.0 depends on good<1.0");
        StringAssert.Contains(impossible, $"{project.Name}.csproj(8,");
        StringAssert.Contains(impossible, $"{project.Name}.csproj(9,");

        // The index.
        Write("<PythonPackage Include=\"good\" />");
        index.Status = 503;
        StringAssert.Contains(await FailAsync("ENVD4005"), "answers 503");
        index.Status = 200;
        index.Login = "a:b";
        StringAssert.Contains(await FailAsync("ENVD4005"), "answers 401");
        index.Login = "";
        project.Replace(index.Url, "http://127.0.0.1:9/simple");
        StringAssert.Contains(await FailAsync("ENVD4005"), "cannot be reached");
        Write("<PythonPackage Include=\"good\" />");

        // A wheel of another platform, and one whose bytes differ.
        await File.WriteAllBytesAsync(project["alien-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"], good, Token);
        Write("<PythonPackage Include=\"good\" />\n<PythonWheel Include=\"alien-1.0-cp313-cp313-manylinux_2_17_aarch64.whl\" />");
        StringAssert.Contains(await FailAsync("ENVD4009"), "alien-1.0-cp313-cp313-manylinux_2_17_aarch64.whl");
        Write("<PythonPackage Include=\"good\" />");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "lock")).ExitCode);
        index.Files["good-1.0-py3-none-any.whl"] = TestFiles.Wheel("good", "1.0", $"value = 'other' # {Guid.NewGuid()}\n");
        var locked = await File.ReadAllTextAsync(project["pylock.toml"], Token);
        var other = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Guid.NewGuid().ToString())));
        project.WriteFile("pylock.toml", locked.Replace(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(good)), other, StringComparison.Ordinal));
        var mismatch = await BuildFailsAsync("ENVD4006");
        StringAssert.Contains(mismatch, other);
        index.Status = 404;
        StringAssert.Contains(await BuildFailsAsync("ENVD4005"), "answers 404");
        index.Status = 200;

        // Edited by hand, or by a later version.
        project.WriteFile("pylock.toml", locked.Replace("sha256 = \"", "sha256 = \"zz", StringComparison.Ordinal));
        StringAssert.Contains(await BuildFailsAsync("ENVD1021"), "pylock.toml");
        project.WriteFile("pylock.toml", locked + "= = =\n");
        StringAssert.Contains(await BuildFailsAsync("ENVD1021"), "pylock.toml(");
        project.WriteFile("pylock.toml", locked.Replace("lock-version = \"1.0\"", "lock-version = \"2.0\"", StringComparison.Ordinal));
        StringAssert.Contains(await BuildFailsAsync("ENVD1021"), "Update Envd.Sdk");
        project.WriteFile("pylock.toml", locked);
        project.WriteFile("envd.lock.json", (await File.ReadAllTextAsync(project["envd.lock.json"], Token)).Replace("\"version\": 1", "\"version\": 7", StringComparison.Ordinal));
        StringAssert.Contains(await BuildFailsAsync("ENVD1021"), "version 7");
        File.Delete(project["envd.lock.json"]);

        // Two wheels that write one path.
        index.Files["good-1.0-py3-none-any.whl"] = good;
        Write("<PythonPackage Include=\"twin-a;twin-b\" />");
        var overlap = await project.ToolAsync(Token, "lock");
        Assert.AreEqual(0, overlap.ExitCode, overlap.All);
        StringAssert.Contains(overlap.Error, "warning ENVD4008: twin-a and twin-b both have twin/shared.py");

        void Write(string items) => project.Write($"{TestProject.Lean}<PropertyGroup><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup><ItemGroup>\n\n{items}\n<PythonIndex Include=\"pypi\" Url=\"{index.Url}\" /></ItemGroup>");
        async Task<string> FailAsync(string code)
        {
            var result = await project.ToolAsync(Token, "lock");
            Assert.AreNotEqual(0, result.ExitCode, result.All);
            StringAssert.Contains(result.Error, "error " + code, result.All);
            return result.Error;
        }
        async Task<string> BuildFailsAsync(string code)
        {
            var result = await project.ToolAsync(Token, "build");
            Assert.AreNotEqual(0, result.ExitCode, result.All);
            StringAssert.Contains(result.Error, "error " + code, result.All);
            return result.Error;
        }
    }
}
