using System.Text;
using static Envd.EndToEnd.Tests.TestFiles;

namespace Envd.EndToEnd.Tests;

/// <summary>Python projects, wheels and indexes.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class PythonTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task PythonProjects_WheelsIndexesAndStages()
    {
        var (merged, linear) = (await OnAsync(TestEngine.Containerd), await OnAsync(TestEngine.Graphdriver));
        TestProject.AssertSameFiles(merged, linear);
    }

    private async Task<string> OnAsync(string store)
    {
        using var project = new TestProject(store, name: "plans");
        project.WriteFile("lib/pyproject.toml", """
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "acme-lib"
            version = "1.0"
            dependencies = ["six"]
            optional-dependencies = { cli = ["click"] }
            """);
        project.WriteFile("lib/acme_lib/__init__.py", "def answer():\n    return 41\n");
        project.WriteFile("tool.py", "# /// script\n# dependencies = [\"toolz\"]\n# ///\n");
        project.WriteFile("wheels/acme_wheel-1.0-py3-none-any.whl", "");
        File.WriteAllBytes(project["wheels/acme_wheel-1.0-py3-none-any.whl"], Wheel("acme_wheel", "1.0", "WHERE = 'local'\n"));
        // One name in two indexes: only the one that has it to itself counts, though the other's is newer.
        Directory.CreateDirectory(project["private"]);
        File.WriteAllBytes(project["private/acme_secret-1.0-py3-none-any.whl"], Wheel("acme_secret", "1.0", "WHERE = 'private'\n"));
        CopyWheels(project["public"]);
        File.WriteAllBytes(project["public/acme_secret-9.0-py3-none-any.whl"], Wheel("acme_secret", "9.0", "WHERE = 'public'\n"));
        project.Write("""
            <ItemGroup>
              <PythonProject Include="lib/pyproject.toml" Extras="cli" Editable="EDITABLE" />
              <PythonProject Include="tool.py" />
              <PythonWheel Include="wheels/acme_wheel-1.0-py3-none-any.whl" />
              <PythonPackage Include="acme-secret" />
              <PythonPackage Include="packaging" BuildIsolation="false" />
              <PythonIndex Include="pypi" Url="public" />
              <PythonIndex Include="acme" Url="private" Packages="acme-s*" />
              <Stage Include="side" From="base" />
              <AptPackage Include="tree" Stage="side" />
              <PythonPackage Include="six" Stage="side" />
              <Step Include="use" Stage="side" Run="tree --version; python -c 'import six, os; open(&quot;/out&quot;, &quot;w&quot;).write(six.__name__)'" />
              <Step Include="take" FromStage="side" Copy="/out" TargetPath="/opt/out" />
              <Stage Include="files" From="scratch" AddToImage="true" />
              <Step Include="tool" Stage="files" Copy="tool.py" TargetPath="/usr/local/bin/tool" Mode="0755" />
              <Step Include="made" Stage="files" WriteFile="text" TargetPath="/opt/made/file" />
              <Stage Include="more" From="base" AddToImage="true" />
              <Step Include="run" Stage="more" Run="mkdir -p /opt/more; echo 1 > /opt/more/file; ln -s file /opt/more/link; rm /etc/issue.net" />
              <AptPackage Include="less" />
              <Step Include="dir" MakeDirectory="/srv/shared" Mode="0775" Owner="games:games" />
              <Step Include="delete" Delete="/opt/made/*" />
            </ItemGroup>
            """.Replace("EDITABLE", "false", StringComparison.Ordinal));
        project.Replace("<ItemGroup>", "<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup>");
        await project.BuildImageAsync(Token);
        const string look = "cat /opt/out; python -c 'import acme_lib, six, click, toolz, packaging, acme_wheel, acme_secret; print(acme_lib.answer(), acme_wheel.WHERE, acme_secret.WHERE)'; ! command -v tree";
        Assert.AreEqual("six41 local private\n", await project.InImageAsync(look, Token));
        Assert.AreEqual("0\n", await project.InImageAsync("find / -xdev -path '*acme_lib/__init__.py' | grep -vc site-packages || true", Token));

        // Another line of the project alone installs the project alone.
        project.WriteFile("lib/acme_lib/__init__.py", "def answer():\n    return 43\n");
        var steps = await project.BuildStepsAsync(Token);
        Assert.IsTrue(steps.Where(s => s.Name.StartsWith("pip install ", StringComparison.Ordinal)).All(s => s.Cached));
        StringAssert.Contains(await project.InImageAsync(look, Token), "43 local private");
        return await project.FilesAsync(Token);
    }

    [TestMethod]
    public async Task EditableProject_IsImportedFromItsFolder()
    {
        using var project = new TestProject();
        project.WriteFile("pyproject.toml", """
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "acme-app"
            version = "1.0"
            [tool.setuptools]
            packages = ["acme_app"]
            """);
        project.WriteFile("acme_app/__init__.py", "def answer():\n    return 1\n");
        project.WriteFile("data/huge.bin", "not sent");
        project.Write($"""
            <ItemGroup>
              <PythonProject Include="pyproject.toml" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
            </ItemGroup>
            """);
        var up = await project.ToolAsync(Token, "up", "--detach");
        Assert.AreEqual(0, up.ExitCode, up.All);
        project.WriteFile("acme_app/other.py", "VALUE = 2\n");
        var run = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cd / && python -c 'import acme_app.other as o; print(o.VALUE, o.__file__)'");
        Assert.AreEqual($"2 /home/envd/{project.Name}/acme_app/other.py\n", run.Output, run.All);
        var again = await project.ToolAsync(Token, "up", "--detach");
        Assert.DoesNotContain("pip", again.All);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task PythonPackages_OfEveryForm(bool locked)
    {
        var direct = Wheel("acme_direct", "1.0", "WHERE = 'address'\n");
        using var page = new FileServer(request => request.Url!.AbsolutePath switch
        {
            "/links.html" => (200, Encoding.ASCII.GetBytes("<html><body><a href=\"acme_flat-1.0-py3-none-any.whl\">acme_flat-1.0-py3-none-any.whl</a></body></html>")),
            "/acme_flat-1.0-py3-none-any.whl" => (200, Wheel("acme_flat", "1.0", "WHERE = 'flat'\n")),
            "/acme_direct-1.0-py3-none-any.whl" => (200, direct),
            _ => (404, []),
        });
        using var project = new TestProject();
        CopyWheels(project["index"]);
        void Index(string file, byte[] wheel) => File.WriteAllBytes(project["index/" + file], wheel);
        Index("acme_top-1.0-py3-none-any.whl", WheelOf("acme_top", "1.0", ["click ; extra == 'cli'\nProvides-Extra: cli"], "", ("acme_top.py", "")));
        Index("acme_never-1.0-py3-none-any.whl", Wheel("acme_never", "1.0", ""));
        Index("acme_pre-1.0-py3-none-any.whl", Wheel("acme_pre", "1.0", ""));
        Index("acme_pre-2.0rc1-py3-none-any.whl", Wheel("acme_pre", "2.0rc1", ""));
        Index("acme_bound-1.0-py3-none-any.whl", Wheel("acme_bound", "1.0", ""));
        Index("acme_bound-2.0-py3-none-any.whl", Wheel("acme_bound", "2.0", ""));
        Index("acme_built-1.0.tar.gz", Archive(
            ("acme_built-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: acme-built\nVersion: 1.0\n"),
            ("acme_built-1.0/setup.py", "import os\nfrom setuptools import setup\nopen('acme_built.py', 'w').write('JOBS = ' + repr(os.environ.get('MAX_JOBS')))\nsetup(name='acme-built', version='1.0', py_modules=['acme_built'])\n")));
        project.WriteFile("bounds.txt", "acme-bound<2\n");
        project.WriteFile("pyproject.toml", """
            [project]
            name = "acme-app"
            version = "1.0"
            [dependency-groups]
            test = ["toolz", {include-group = "lint"}]
            lint = ["packaging"]
            """);
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup>
              <PythonPackage Include="acme-top" Extras="cli" />
              <PythonPackage Include="acme-never" Marker="python_version &lt; '3'" />
              <PythonPackage Include="acme-direct" Url="{page.Address}/acme_direct-1.0-py3-none-any.whl" />
              <PythonPackage Include="acme-pre" PreRelease="true" />
              <PythonPackage Include="acme-built" BuildEnvironment="MAX_JOBS=7" />
              <PythonPackage Include="acme-bound" />
              <PythonPackage Include="acme-flat" />
              <PythonRequirements Include="bounds.txt" ConstraintsOnly="true" />
              <PythonProject Include="pyproject.toml" DependencyGroups="test" />
              <PythonIndex Include="pypi" Url="index" />
              <PythonIndex Include="page" Url="{page.Address}/links.html" Format="flat" />
            </ItemGroup>
            """);
        if (locked)
        {
            var written = await project.ToolAsync(Token, "lock");
            Assert.AreEqual(0, written.ExitCode, written.All);
        }
        await project.BuildImageAsync(Token, $"-p:EnvdLocked={locked}");
        const string look = """
            python -c 'import importlib.metadata as m, importlib.util as u, acme_top, click, acme_direct, acme_flat, acme_built, toolz, packaging
            print(u.find_spec("acme_never"), m.version("acme-pre"), m.version("acme-bound"), acme_direct.WHERE, acme_flat.WHERE, acme_built.JOBS)'
            """;
        Assert.AreEqual("None 2.0rc1 1.0 address flat 7\n", await project.InImageAsync(look, Token));
    }

    /// <summary>A small index of real wheels, to which a test adds its own.</summary>
    private static void CopyWheels(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(TestProject.Wheels).Where(f => Path.GetFileName(f).Split('-')[0] is "six" or "toolz" or "click" or "setuptools" or "packaging"))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }
}
