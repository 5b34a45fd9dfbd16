using System.Security.Cryptography;
using System.Text.Json;
using static Envd.EndToEnd.Tests.TestFiles;

namespace Envd.EndToEnd.Tests;

/// <summary>Modules of git repositories and of NuGet feeds.</summary>
[TestClass]
public sealed class ModuleTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private static string Samples => Path.Combine(TestProject.Repository, "samples", "modules");

    /// <summary>A repository of the sample modules, with the tag v1.</summary>
    private async Task<string> RepositoryAsync(TestProject project)
    {
        foreach (var file in Directory.GetFiles(Samples, "*.targets", SearchOption.AllDirectories))
            project.WriteFile("repository/" + Path.GetRelativePath(Samples, file), File.ReadAllText(file));
        await GitAsync(project, "init", "--quiet");
        await CommitAsync(project);
        await GitAsync(project, "tag", "v1");
        return project["repository"];
    }

    private async Task CommitAsync(TestProject project)
    {
        await GitAsync(project, "add", "--all");
        await GitAsync(project, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "m");
    }

    private async Task GitAsync(TestProject project, params string[] arguments)
    {
        var result = await Commands.RunAsync("git", arguments, project["repository"], project.Variables, Token);
        Assert.AreEqual(0, result.ExitCode, result.All);
    }

    /// <summary>An SDK package of a sample module, in a feed beside the project. Its version is new whenever its content is.</summary>
    private static string Feed(TestProject project, string id, string targets)
    {
        var version = "1.2.0-h" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(targets)))[..10];
        Directory.CreateDirectory(project["feed"]);
        File.WriteAllBytes(project[$"feed/{id}.{version}.nupkg"], Zip(
            ($"{id}.nuspec", $"""
                <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
                  <metadata><id>{id}</id><version>{version}</version><authors>a</authors><description>d</description><packageTypes><packageType name="MSBuildSdk" /></packageTypes></metadata>
                </package>
                """),
            ("Sdk/Sdk.props", "<Project />"),
            ("Sdk/Sdk.targets", File.ReadAllText(targets))));
        var config = File.ReadAllText(project["nuget.config"]);
        File.WriteAllText(project["nuget.config"], config.Replace("</packageSources>", $"<add key=\"modules\" value=\"{project["feed"]}\" /></packageSources>", StringComparison.Ordinal));
        return version;
    }

    [TestMethod]
    [TestCategory("Engine")]
    public async Task OneOfGitAndOneOfNuGet_WithParameters_MakeOneEnvironment()
    {
        using var project = new TestProject();
        var repository = await RepositoryAsync(project);
        var version = Feed(project, "Acme.Envd.Jupyter", Path.Combine(Samples, "jupyter", "jupyter.targets"));
        Directory.CreateDirectory(project["index"]);
        foreach (var file in Directory.GetFiles(TestProject.Wheels, "*.whl"))
            File.CreateSymbolicLink(project["index/" + Path.GetFileName(file)], file);
        File.WriteAllBytes(project["index/tensorboard-2.0-py3-none-any.whl"], Wheel("tensorboard", "2.0",
            "import http.server, os, sys\ndef main():\n    print(sys.argv, flush=True)\n    http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[2].split('=')[1]))\n", "tensorboard=tensorboard:main"));
        project.Write($"""
            <Sdk Name="Acme.Envd.Jupyter" Version="{version}" />
            <ItemGroup>
              <TensorBoard Include="train" LogDir="my runs" Port="6007" />
              <Notebook Include="lab" Port="8899" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
              <PythonIndex Include="more" Url="index" Packages="tensorboard" />
            </ItemGroup>
            """);
        var added = await project.ToolAsync(Token, "module", "add", repository, "--ref", "v1", "--path", "tensorboard");
        Assert.AreEqual(0, added.ExitCode, added.All);
        StringAssert.Contains(File.ReadAllText(project.File), "  <Import Project=\"modules/tensorboard/tensorboard.targets\" />\n</Project>");

        var up = await project.ToolAsync(Token, "up", "--detach", "--progress", "Plain");
        Assert.AreEqual(0, up.ExitCode, up.All);
        using var spec = JsonDocument.Parse(File.ReadAllBytes(project["obj/envd/env.spec.json"]));
        CollectionAssert.AreEqual(new[] { "train tensorboard 6007", "lab jupyterlab 8899", "ssh ssh 22" },
            spec.RootElement.GetProperty("services").EnumerateArray().Select(s => $"{s.GetProperty("name")} {s.GetProperty("kind")} {s.GetProperty("port")}").ToArray());
        var log = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /var/log/envd/train/current");
        StringAssert.Contains(log.Output, "'--logdir', 'my runs'");
        // An error in what a module made names the module's own file.
        project.Replace("Port=\"6007\"", "Port=\"x\"");
        var wrong = await project.DotNetAsync(Token, "build", project.File, "-tl:off");
        StringAssert.Contains(wrong.Output, "tensorboard.targets(12,");
    }

    [TestMethod]
    public async Task Modules_AreFollowedListedAndKeptFromLosingEdits()
    {
        using var project = new TestProject();
        var repository = await RepositoryAsync(project);
        project.Write("");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "module", "add", repository, "--path", "tensorboard")).ExitCode);
        var first = File.ReadAllText(project["envd.modules.json"]);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "module", "add", repository, "--path", "tensorboard")).ExitCode);
        Assert.AreEqual(first, File.ReadAllText(project["envd.modules.json"]));
        Assert.HasCount(2, File.ReadAllText(project.File).Split("<Import "), "the Import was written twice");
        StringAssert.Contains((await project.ToolAsync(Token, "module", "ls")).Output, repository);
        StringAssert.Contains((await project.ToolAsync(Token, "module", "update")).Error, "is current");

        project.WriteFile("repository/tensorboard/tensorboard.targets", "<Project><!-- newer --></Project>");
        await CommitAsync(project);
        project.WriteFile("modules/tensorboard/tensorboard.targets", "<Project><!-- edited --></Project>");
        StringAssert.Contains((await project.ToolAsync(Token, "module", "ls")).Output, "(edited)");
        var refused = await project.ToolAsync(Token, "module", "update");
        Assert.AreEqual(2, refused.ExitCode);
        StringAssert.Contains(refused.Error, "were edited here");
        StringAssert.Contains(File.ReadAllText(project["modules/tensorboard/tensorboard.targets"]), "edited");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "module", "update", "--force")).ExitCode);
        StringAssert.Contains(File.ReadAllText(project["modules/tensorboard/tensorboard.targets"]), "newer");
        Assert.AreNotEqual(first, File.ReadAllText(project["envd.modules.json"]));
    }

    [TestMethod]
    [DataRow("--upload-pack=touch x", "--name", "m", "is no repository")]
    [DataRow("ext::sh -c true", "--name", "m", "is no repository")]
    [DataRow("REPOSITORY", "--ref", "no-such-ref", "could not be fetched")]
    [DataRow("REPOSITORY", "--path", "nothing", "has no folder")]
    [DataRow("REPOSITORY", "--path", "../x", "has no folder")]
    [DataRow("REPOSITORY", "--name", "a/b", "is no name")]
    [DataRow("REPOSITORY", "--name", "none", "holds no .targets file")]
    public async Task WrongModule_SaysWhyAndChangesNothing(string url, string option, string value, string part)
    {
        using var project = new TestProject();
        var repository = await RepositoryAsync(project);
        project.Write("");
        var before = File.ReadAllText(project.File);
        var result = await project.ToolAsync(Token, ["module", "add", option, value, "--", url.Replace("REPOSITORY", repository, StringComparison.Ordinal)]);
        Assert.AreEqual(2, result.ExitCode, result.All);
        StringAssert.Contains(result.Error, "error ENVD1020");
        StringAssert.Contains(result.Error, part);
        Assert.AreEqual(before, File.ReadAllText(project.File));
        Assert.IsFalse(File.Exists(project["envd.modules.json"]) || Directory.Exists(project["modules"]));
    }

    [TestMethod]
    public async Task CheckModule_ReadsTheTextOfFilesThatNobodyImports()
    {
        using var project = new TestProject();
        project.Write("");
        project.WriteFile("modules/bad.targets", "<Project>\n<ItemGroup>\n<PythonPackage Include=\"torch==2.*\" />\n<Service Include=\"x\" Comand=\"y\" />\n<Step Include=\"s\" Run=\"echo $(uname -m)\" />\n</ItemGroup>\n</Project>");
        var result = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdCheckModule", "-tl:off");
        foreach (var place in new[] { "bad.targets(3,", "bad.targets(4,", "bad.targets(5," })
            StringAssert.Contains(result.Output, place);
        File.Delete(project["modules/bad.targets"]);
        foreach (var file in Directory.GetFiles(Samples, "*.targets", SearchOption.AllDirectories))
            project.WriteFile("modules/" + Path.GetFileName(file), File.ReadAllText(file));
        var good = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdCheckModule", "-tl:off");
        Assert.AreEqual(0, good.ExitCode, good.All);
    }

    [TestMethod]
    public async Task SampleModules_Compose()
    {
        using var project = new TestProject();
        foreach (var file in Directory.GetFiles(Samples, "*.targets", SearchOption.AllDirectories))
            project.WriteFile("modules/" + Path.GetFileName(file), File.ReadAllText(file));
        project.Write("""
            <PropertyGroup><MirrorsHost>ustc</MirrorsHost><TensorRTVersion>10.13.3.9</TensorRTVersion></PropertyGroup>
            <ItemGroup><TensorBoard Include="a" /><OpenMMLab Include="mmdet" Version="3.3.0" /><Notebook Include="n" /></ItemGroup>
            <Import Project="modules/*.targets" />
            """);
        var result = await project.DotNetAsync(Token, "build", project.File, "-tl:off");
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(result.Output, "0 Warning(s)");
        var spec = File.ReadAllText(project["obj/envd/env.spec.json"]);
        foreach (var part in new[] { "https://mirrors.ustc.edu.cn/debian", "tensorrt-cu12-libs==10.13.3.9", "mmdet==3.3.0", "\"--logdir\",\n", "jupyterlab" })
            StringAssert.Contains(spec, part);
    }
}
