using System.Net;
using System.Net.Sockets;

namespace Envd.EndToEnd.Tests;

/// <summary>What the commands say: of the machine, of templates, of engines that are lost or silent.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class CommandTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task Exec_NotUp_SaysSo()
    {
        using var project = new TestProject();
        project.Write("");
        var exec = await project.ToolAsync(Token, "exec", "--", "true");
        Assert.AreEqual(5, exec.ExitCode, exec.All);
        StringAssert.Contains(exec.Error, "ENVD5002");
    }

    [TestMethod]
    public async Task Doctor_OnEachStore_ExplainsThePlan()
    {
        using var project = new TestProject();
        var good = await project.ToolAsync(Token, "doctor");
        Assert.AreEqual(0, good.ExitCode, good.All);
        StringAssert.Contains(good.Output, "merge");
        project.Engine = TestEngine.Address(TestEngine.Graphdriver);
        StringAssert.Contains((await project.ToolAsync(Token, "doctor")).Output, "linear");
        project.Engine = "unix:///nowhere/docker.sock";
        var none = await project.ToolAsync(Token, "doctor");
        Assert.AreEqual(3, none.ExitCode, none.All);
        StringAssert.Contains(none.Output, "systemctl start docker");
        project.Engine = TestEngine.Address(TestEngine.Containerd);
    }

    [TestMethod]
    public async Task ToolManifest_RunsTheCommand()
    {
        using var project = new TestProject();
        project.Write("");
        var install = await project.DotNetAsync(Token, "tool", "install", "Envd.Tool", "--version", TestProject.Version, "--create-manifest-if-needed");
        Assert.AreEqual(0, install.ExitCode, install.All);
        var build = await project.DotNetAsync(Token, "tool", "run", "envd", "build");
        Assert.AreEqual(0, build.ExitCode, build.All);
        StringAssert.Contains(build.Output, $"{project.Name}:dev@sha256:");
    }

    [TestMethod]
    public async Task Build_EngineLost_SaysSoAndTheNextBuildIsRight()
    {
        using var project = new TestProject();
        project.Write($"""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="wait" Run="echo {project.Name}; test -e /go || sleep 4; echo done > /done" /></ItemGroup>""");
        using var proxy = EngineProxy.OnTcp(TestEngine.Address(TestEngine.Containerd));
        project.Engine = proxy.Address;
        using var process = project.StartTool("build", "--progress", "Plain");
        var error = new System.Text.StringBuilder();
        var output = process.StandardOutput.ReadToEndAsync(Token);
        while (await process.StandardError.ReadLineAsync(Token) is { } line)
        {
            error.AppendLine(line);
            if (line.Contains("| " + project.Name, StringComparison.Ordinal))
                proxy.Cut();
        }
        await process.WaitForExitAsync(Token);
        await output;
        Assert.AreEqual(3, process.ExitCode, error.ToString());
        StringAssert.Contains(error.ToString(), "ENVD3002");
        Assert.IsEmpty(Directory.GetFiles(project["obj/envd-lean"], "image-*.json"));
        project.Engine = TestEngine.Address(TestEngine.Containerd);
        await project.BuildImageAsync(Token);
        Assert.AreEqual("done\n", await project.InImageAsync("cat /done", Token));
    }

    [TestMethod]
    public async Task Build_AfterAnEvaluationWithOtherProperties_IsOfItsOwn()
    {
        using var project = new TestProject();
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev><Word Condition="'$(Word)' == ''">one</Word></PropertyGroup><ItemGroup><Step Include="word" Run="echo $(Word) > /word" /></ItemGroup>""");
        Assert.AreEqual(0, (await project.ToolAsync(Token, "build")).ExitCode);
        Assert.AreEqual(0, (await project.DotNetAsync(Token, "build", project.File, "-p:Word=two")).ExitCode);
        StringAssert.Contains(File.ReadAllText(project["obj/envd-lean/env.spec.json"]), "echo two");
        var build = await project.ToolAsync(Token, "build");
        Assert.AreEqual(0, build.ExitCode, build.All);
        Assert.AreEqual("one\n", await project.InImageAsync("cat /word", Token));
    }

    [TestMethod]
    public async Task List_EngineThatDoesNotAnswer_EndsWithOneError()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var project = new TestProject();
        var engine = project.Engine;
        project.Engine = $"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        var list = await project.ToolAsync(Token, "ls").WaitAsync(TimeSpan.FromSeconds(20), Token);
        Assert.AreEqual(3, list.ExitCode, list.All);
        StringAssert.Contains(list.Error, "ENVD3001");
        StringAssert.Contains(list.Error, "did not answer");
        project.Engine = engine;
    }

    [TestMethod]
    public async Task Template_AndSample_Compose()
    {
        using var project = new TestProject(name: "made");
        var hive = Path.Combine(project.HomeFolder, "hive");
        var install = await project.DotNetAsync(Token, "new", "install", $"Envd.Templates@{TestProject.Version}", "--debug:custom-hive", hive);
        Assert.AreEqual(0, install.ExitCode, install.All);
        var made = await project.DotNetAsync(Token, "new", "envd-python", "--name", "made", "--output", "made", "--debug:custom-hive", hive);
        Assert.AreEqual(0, made.ExitCode, made.All);
        var text = File.ReadAllText(project["made/made.csproj"]);
        Assert.DoesNotContain("#if", text);
        Assert.DoesNotContain("PACKAGE_INDEX", text);
        StringAssert.Contains(text, "ubuntu:24.04");
        var built = await project.DotNetAsync(Token, "build", "made/made.csproj", "-tl:off");
        StringAssert.Contains(built.Output, "0 Warning(s)", built.All);

        foreach (var file in Directory.GetFiles(Path.Combine(TestProject.Repository, "samples/quickstart")))
            project.WriteFile("quickstart/" + Path.GetFileName(file), File.ReadAllText(file));
        project.WriteFile("global.json", $$"""{ "msbuild-sdks": { "Envd.Sdk": "{{TestProject.Version}}" } }""");
        var sample = await project.DotNetAsync(Token, "build", "quickstart/quickstart.csproj", "-tl:off");
        StringAssert.Contains(sample.Output, "0 Warning(s)", sample.All);
        Assert.IsTrue(File.Exists(project["quickstart/obj/envd/env.llb"]));
    }
}
