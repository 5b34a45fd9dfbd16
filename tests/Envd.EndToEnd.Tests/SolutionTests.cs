using System.Diagnostics;

namespace Envd.EndToEnd.Tests;

/// <summary>An environment beside C# projects, in every way that `dotnet` and IDEs ask for it. No engine is there: whoever contacts one fails.</summary>
[TestClass]
public sealed class SolutionTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private sealed class Solution : IDisposable
    {
        public Solution(string folder)
        {
            Environment = new TestProject(folder: folder, name: "env") { Engine = "unix:///nowhere/docker.sock" };
            Environment.Write("""<ItemGroup><AptPackage Include="git" /><ProjectReference Include="lib/lib.csproj" /></ItemGroup>""");
            File.Move(Environment.File, Path.Combine(Directory.CreateDirectory(Environment["env"]).FullName, "env.csproj"));
            var env = File.ReadAllText(Environment["env/env.csproj"]).Replace("lib/lib.csproj", "../lib/lib.csproj", StringComparison.Ordinal);
            File.WriteAllText(Environment["env/env.csproj"], env);
            Environment.WriteFile("lib/lib.csproj", """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>""");
            Environment.WriteFile("lib/Class.cs", "namespace Lib; public static class Class { public const int Answer = 42; }");
            Environment.WriteFile("app/app.csproj", """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework><OutputType>Exe</OutputType></PropertyGroup>
                  <ItemGroup><ProjectReference Include="../lib/lib.csproj" /></ItemGroup>
                  <ItemGroup><ProjectReference Include="../env/env.csproj" ReferenceOutputAssembly="false" /></ItemGroup>
                </Project>
                """);
            Environment.WriteFile("app/Program.cs", "System.Console.WriteLine(\"app\");");
            Environment.WriteFile("all.slnx", """
                <Solution>
                  <Project Path="app/app.csproj" />
                  <Project Path="env/env.csproj" />
                  <Project Path="lib/lib.csproj" />
                </Solution>
                """);
        }

        public TestProject Environment { get; }

        public void Dispose()
        {
            Environment.Engine = TestEngine.Address(TestEngine.Containerd);
            Environment.Dispose();
        }
    }

    [TestMethod]
    [DataRow("build all.slnx")]
    [DataRow("build all.slnx -graph")]
    [DataRow("build all.slnx -m:2")]
    [DataRow("clean all.slnx")]
    [DataRow("pack all.slnx")]
    [DataRow("build app/app.csproj")]
    [DataRow("build app/app.csproj -graph")]
    [DataRow("build env/env.csproj")]
    [DataRow("build env/env.csproj -graph")]
    public async Task DotNet_OnASolution_HasNoWarning(string command)
    {
        using var solution = new Solution("with spaces and ümlauts");
        var restore = await solution.Environment.DotNetAsync(Token, "restore", "all.slnx");
        Assert.AreEqual(0, restore.ExitCode, restore.All);
        await QuietAsync(solution, command);
        // The second time as well: nothing is half made.
        await QuietAsync(solution, command);
        if (command.StartsWith("build", StringComparison.Ordinal))
        {
            Assert.IsTrue(File.Exists(solution.Environment["env/obj/envd/env.llb"]));
            Assert.IsFalse(Directory.Exists(solution.Environment["env/bin"]), "something was compiled");
        }
    }

    [TestMethod]
    public async Task DotNet_TestOnASolution_HasNoWarning()
    {
        using var solution = new Solution("project");
        solution.Environment.WriteFile("global.json", """{ "test": { "runner": "VSTest" } }""");
        await QuietAsync(solution, "test all.slnx");
    }

    [TestMethod]
    public async Task Environment_AloneOnAFreshClone_SaysThatTheReferenceIsNotRestored()
    {
        using var solution = new Solution("project");
        var result = await solution.Environment.DotNetAsync(Token, "build", "env/env.csproj", "-tl:off");
        Assert.AreNotEqual(0, result.ExitCode);
        StringAssert.Contains(result.Output, "ENVD1017");
        Assert.DoesNotContain("NETSDK1004", result.Output);
    }

    // What Visual Studio and C# Dev Kit run while a project is open, with their properties.
    [TestMethod]
    [DataRow("CollectPackageReferences;ResolveProjectReferencesDesignTime;CompileDesignTime")]
    [DataRow("ResolveAssemblyReferencesDesignTime;ResolveComReferencesDesignTime;BuiltProjectOutputGroup")]
    [DataRow("Build")]
    public async Task DesignTime_InAnIde_CompilesNothingAndContactsNoEngine(string targets)
    {
        using var solution = new Solution("project");
        var restore = await solution.Environment.DotNetAsync(Token, "restore", "all.slnx");
        Assert.AreEqual(0, restore.ExitCode, restore.All);
        var result = await solution.Environment.DotNetAsync(Token, "msbuild", "env/env.csproj", "-restore", "-t:" + targets, "-p:DesignTimeBuild=true", "-p:BuildingInsideVisualStudio=true",
            "-p:SkipCompilerExecution=true", "-p:ProvideCommandLineArgs=true", "-p:BuildProjectReferences=false", "-v:minimal");
        Assert.AreEqual(0, result.ExitCode, result.All);
        Assert.DoesNotContain("warning", result.All);
        Assert.IsEmpty(Directory.Exists(solution.Environment["env/bin"]) ? Directory.GetFiles(solution.Environment["env/bin"], "*.dll", SearchOption.AllDirectories) : []);
        var properties = await solution.Environment.DotNetAsync(Token, "msbuild", "env/env.csproj", "-getProperty:UsingMicrosoftNETSdk,TargetFramework", "-p:DesignTimeBuild=true", "-p:BuildingInsideVisualStudio=true");
        StringAssert.Contains(properties.Output, "\"UsingMicrosoftNETSdk\": \"true\"");
    }

    [TestMethod]
    public async Task DotNet_Run_StartsTheEnvironment()
    {
        using var project = new TestProject();
        project.Write("""<ItemGroup><Service Include="web" Command="sleep infinity" /></ItemGroup>""");
        var run = await project.DotNetAsync(Token, "run", "--project", project.File, "--", "--detach");
        Assert.AreEqual(0, run.ExitCode, run.All);
        StringAssert.Contains(run.Output, $"ssh {project.Name}.envd");
        using var docker = project.Docker();
        Assert.IsNotNull(await docker.GetAsync($"containers/envd-{project.Name}/json", Token));
    }

    [TestMethod]
    public async Task DotNet_Watch_BuildsAgainAfterAnEdit()
    {
        using var solution = new Solution("project");
        var env = solution.Environment;
        var file = env["env/env.csproj"];
        File.WriteAllText(file, File.ReadAllText(file).Replace("""<ProjectReference Include="../lib/lib.csproj" />""", "", StringComparison.Ordinal));
        using var watch = Commands.Start("dotnet", ["watch", "--project", file, "build", "-tl:off"], env.Folder, new Dictionary<string, string?>(env.Variables) { ["DOTNET_WATCH_SUPPRESS_EMOJIS"] = "1" });
        var text = new System.Text.StringBuilder();
        watch.OutputDataReceived += (_, e) => { lock (text) text.AppendLine(e.Data); };
        watch.ErrorDataReceived += (_, e) => { lock (text) text.AppendLine(e.Data); };
        watch.BeginOutputReadLine();
        watch.BeginErrorReadLine();
        try
        {
            var llb = env["env/obj/envd/env.llb"];
            await UntilAsync(() => File.Exists(llb) && Count("Build succeeded") == 1, () => text.ToString());
            var before = File.GetLastWriteTimeUtc(llb);
            await Task.Delay(500, Token); // the watcher starts to look only after the build
            File.WriteAllText(file, File.ReadAllText(file).Replace("\"git\"", "\"git;less\"", StringComparison.Ordinal));
            await UntilAsync(() => File.GetLastWriteTimeUtc(llb) > before && Count("Build succeeded") == 2, () => text.ToString());
            lock (text)
                Assert.DoesNotContain("warning", text.ToString());
        }
        finally
        {
            watch.Kill(entireProcessTree: true);
        }

        int Count(string part)
        {
            lock (text)
                return text.ToString().Split(part).Length - 1;
        }
    }

    [TestMethod]
    [DataRow("we ird;%(x)'&")]
    [DataRow("with spaces ü")]
    public async Task EnvironmentAlone_FromAFolderOfAnyName_BuildsAndRuns(string folder)
    {
        using var project = new TestProject(folder: folder);
        project.WriteFile("kept.txt", "kept");
        project.Write("""<PropertyGroup><EnvdSsh>false</EnvdSsh></PropertyGroup><ItemGroup><Step Include="copy" Copy="kept.txt" TargetPath="/opt/kept.txt" /><Service Include="web" Command="sleep infinity" /></ItemGroup>""");
        await project.BuildImageAsync(Token);
        Assert.AreEqual("kept", await project.InImageAsync("cat /opt/kept.txt", Token));
        var second = await project.BuildImageAsync(Token);
        Assert.DoesNotContain("exporting", second.Output);
        var up = await project.ToolAsync(Token, "up", "--detach");
        Assert.AreEqual(0, up.ExitCode, up.All);
        Assert.AreEqual("kept", (await project.ToolAsync(Token, "exec", "--", "cat", "kept.txt")).Output);
        var publish = await project.DotNetAsync(Token, "publish", project.File, "-tl:off");
        Assert.AreEqual(0, publish.ExitCode, publish.All);
    }

    private async Task QuietAsync(Solution solution, string command)
    {
        var result = await solution.Environment.DotNetAsync(Token, [.. command.Split(' '), "-tl:off"]);
        Assert.AreEqual(0, result.ExitCode, result.All);
        Assert.DoesNotContain("warning", result.All, result.All);
        Assert.DoesNotContain("error", result.All.Replace("0 Error(s)", "", StringComparison.Ordinal), result.All);
    }

    private async Task UntilAsync(Func<bool> condition, Func<string> describe)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.IsLessThan(TimeSpan.FromSeconds(60), clock.Elapsed, describe());
            await Task.Delay(50, Token);
        }
    }
}
