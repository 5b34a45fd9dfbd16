using Envd.BuildKit.Client;
using Envd.Llb;
using Envd.Llb.Protocol;
using Microsoft.Build.Logging.StructuredLogger;

namespace Envd.EndToEnd.Tests;

[TestClass]
[TestCategory("Engine")]
public sealed class ImageTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async System.Threading.Tasks.Task Build_NothingChanged_ContactsNoEngine()
    {
        using var project = new TestProject();
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="hello" Run="echo hello > /hello" /></ItemGroup>""");
        await project.BuildImageAsync(Token);

        // An address where nothing listens: whoever contacts the engine fails.
        await AssertSkippedAsync(project);

        project.Replace("<ItemGroup>", "<!-- a comment\n that moves every line -->\n<ItemGroup>");
        await AssertSkippedAsync(project);
        var positions = System.IO.File.ReadAllText(project["obj/envd-lean/env.positions.json"]);
        StringAssert.Contains(positions, "\"line\": 8");

        project.WriteFile("beside/data.bin", "not named by anything");
        await AssertSkippedAsync(project);

        project.Replace("echo hello", "echo other");
        await project.BuildImageAsync(Token);
        Assert.AreEqual("other\n", await project.InImageAsync("cat /hello", Token));
    }

    private async System.Threading.Tasks.Task AssertSkippedAsync(TestProject project)
    {
        var log = project["second.binlog"];
        var result = await project.BuildImageAsync(Token, "-bl:" + log);
        Assert.DoesNotContain("[ 1]", result.Output, "a step of the engine was shown");
        var target = BinaryLog.ReadBuild(log).FindChildrenRecursive<Target>(t => t.Name == "_EnvdBuildImage").Single();
        Assert.IsTrue(target.Skipped, "the image target ran");
        Assert.IsEmpty(BinaryLog.ReadBuild(log).FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(t => t.Name == "BuildImage"), "a worker was started");
    }

    [TestMethod]
    public async System.Threading.Tasks.Task Build_EditedAptPackage_RunsWhatDependsOnItAlone()
    {
        using var project = new TestProject();
        project.Write("""
            <ItemGroup>
              <AptPackage Include="tree" />
              <PythonPackage Include="six" />
              <PythonIndex Include="pypi" Url="WHEELS" />
              <Stage Include="tool" From="base" />
              <Step Include="make" Stage="tool" Run="mkdir -p /opt/tool &amp;&amp; date > /opt/tool/made" />
              <Step Include="take" FromStage="tool" Copy="/opt/tool/made" TargetPath="/opt/made" />
            </ItemGroup>
            """.Replace("WHEELS", TestProject.Wheels, StringComparison.Ordinal));
        await project.BuildStepsAsync(Token);

        project.Replace("\"tree\"", "\"tree;less\"");
        var steps = await project.BuildStepsAsync(Token);

        Assert.IsFalse(Find(steps, "apt-get install less tree").Cached);
        Assert.IsTrue(Find(steps, "pip install six").Cached);
        Assert.IsTrue(Find(steps, "install what runs the services").Cached);
        Assert.IsTrue(Find(steps, "tool: make").Cached);
    }

    private static Step Find(IReadOnlyList<Step> steps, string name) => steps.Single(s => s.Name.StartsWith(name, StringComparison.Ordinal));

    [TestMethod]
    public async System.Threading.Tasks.Task Build_EditedFiles_RebuildWhatTheyAreIn()
    {
        using var project = new TestProject();
        project.WriteFile("data/kept.txt", "one");
        project.WriteFile("data/sub/more.txt", "more");
        project.WriteFile("make.sh", "#!/bin/sh\necho \"script $1\" > /made\n");
        project.WriteFile("requirements.txt", "-r nested/more.txt\n");
        project.WriteFile("nested/more.txt", "six\n");
        project.Write("""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <PythonRequirements Include="requirements.txt" />
              <PythonIndex Include="pypi" Url="WHEELS" />
              <Step Include="data" Copy="data/**" TargetPath="/srv/data/" />
              <Step Include="script" Script="make.sh" Arguments="first argument" />
            </ItemGroup>
            """.Replace("WHEELS", TestProject.Wheels, StringComparison.Ordinal));
        await project.BuildImageAsync(Token);
        Assert.AreEqual("one more script first argument\n", await project.InImageAsync("echo $(cat /srv/data/kept.txt) $(cat /srv/data/sub/more.txt) $(cat /made)", Token));

        project.WriteFile("data/kept.txt", "two");
        await project.BuildImageAsync(Token);
        Assert.AreEqual("two", (await project.InImageAsync("cat /srv/data/kept.txt", Token)).Trim());

        project.WriteFile("make.sh", "#!/bin/sh\necho edited > /made\n");
        await project.BuildImageAsync(Token);
        Assert.AreEqual("edited", (await project.InImageAsync("cat /made", Token)).Trim());

        project.WriteFile("nested/more.txt", "six\ntoolz\n");
        await project.BuildImageAsync(Token);
        StringAssert.Contains(await project.InImageAsync("python -c 'import toolz, six; print(\"both\")'", Token), "both");

        // Touched, but equal: the engine is asked, and nothing runs.
        System.IO.File.SetLastWriteTimeUtc(project["data/kept.txt"], DateTime.UtcNow.AddMinutes(1));
        var touched = await project.BuildImageAsync(Token);
        StringAssert.Contains(touched.Output, "image: data (cached)");
        StringAssert.Contains(touched.Output, "image: script (cached)");
        Assert.IsFalse(touched.Output.Contains("| ", StringComparison.Ordinal), touched.Output);
    }

    [TestMethod]
    public async System.Threading.Tasks.Task Build_SwitchedEngine_BuildsThereToo()
    {
        using var project = new TestProject();
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="x" Run="echo x > /x" /></ItemGroup>""");
        await project.BuildImageAsync(Token);
        var first = project.Engine;
        project.Engine = TestEngine.Address(TestEngine.Graphdriver);
        var second = await project.BuildImageAsync(Token);
        StringAssert.Contains(second.Output, "exporting");
        Assert.AreEqual("x", (await project.InImageAsync("cat /x", Token)).Trim());
        Assert.HasCount(2, Directory.GetFiles(project["obj/envd-lean"], "image-*.json"));
        project.Engine = first;
    }

    [TestMethod]
    public async System.Threading.Tasks.Task Build_FiveTimesWithoutRecord_GivesOneImageId()
    {
        using var project = new TestProject();
        project.Write("""<ItemGroup><AptPackage Include="tree" /></ItemGroup>""");
        var digests = new HashSet<string>();
        for (var i = 0; i < 5; i++)
        {
            foreach (var record in Directory.Exists(project["obj/envd"]) ? Directory.GetFiles(project["obj/envd"], "image-*.json") : [])
                System.IO.File.Delete(record);
            var result = await project.ToolAsync(Token, "build", "--project", project.File, "--progress", "Quiet");
            Assert.AreEqual(0, result.ExitCode, result.All);
            digests.Add(result.Output.Trim());
        }
        Assert.HasCount(1, digests, string.Join('\n', digests));
    }

    [TestMethod]
    public async System.Threading.Tasks.Task Build_TwoAtOnce_OneWaitsAndBothAreRight()
    {
        using var project = new TestProject();
        project.Write($"""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="slow" Run="echo {project.Name}; sleep 3; echo done > /done" /></ItemGroup>""");
        var prepared = await project.DotNetAsync(Token, "build", project.File, "-tl:off");
        Assert.AreEqual(0, prepared.ExitCode, prepared.All);
        var builds = await System.Threading.Tasks.Task.WhenAll(project.BuildImageAsync(Token), project.BuildImageAsync(Token));
        Assert.AreEqual(1, builds.Count(b => b.Output.Contains("waiting for it", StringComparison.Ordinal)), builds[0].Output + builds[1].Output);
        Assert.AreEqual(1, builds.Count(b => b.Output.Contains("exporting", StringComparison.Ordinal)), "both built");
        Assert.AreEqual("done", (await project.InImageAsync("cat /done", Token)).Trim());
    }

    [TestMethod, DoNotParallelize]
    public async System.Threading.Tasks.Task Build_PartsOverlapWhereTheEngineMerges_AndTheFilesAreTheSame()
    {
        var trees = new Dictionary<string, string>();
        foreach (var store in (string[])[TestEngine.Containerd, TestEngine.Graphdriver])
        {
            using var project = new TestProject(store, name: "overlap");
            project.Write("""
                <ItemGroup>
                  <AptPackage Include="tree;less;file" />
                  <PythonPackage Include="six;toolz;numpy" />
                  <PythonIndex Include="pypi" Url="WHEELS" />
                  <Stage Include="slow" From="base" AddToImage="true" />
                  <Step Include="work" Stage="slow" Run="echo UNIQUE > /dev/null; sleep 8; mkdir -p /opt/slow; echo slow > /opt/slow/file" />
                  <Step Include="first" Run="echo first > /opt/first" />
                  <ContainerEnvironmentVariable Include="GREETING" Value="hello; $(NOT-expanded" />
                </ItemGroup>
                """.Replace("WHEELS", TestProject.Wheels, StringComparison.Ordinal).Replace("UNIQUE", Guid.NewGuid().ToString("N"), StringComparison.Ordinal)
                .Replace("$(NOT-expanded", "%24(kept)", StringComparison.Ordinal));
            await PruneAsync(project, store);
            var steps = await project.BuildStepsAsync(Token);
            // apt runs as a chain of two steps, the environment's own packages and the user's.
            Step[] apt = [Find(steps, "install what runs the services"), Find(steps, "apt-get install")];
            var pip = Find(steps, "pip install");
            var slow = Find(steps, "slow: work");
            Assert.IsFalse(apt.Append(pip).Append(slow).Any(s => s.Cached), "a step was cached");
            var times = string.Join('\n', apt.Append(pip).Append(slow));
            if (store == TestEngine.Containerd)
                Assert.IsTrue(apt.Any(s => Overlap(s, slow)) && apt.Any(s => Overlap(s, pip)) && Overlap(pip, slow), times);
            else
                Assert.IsFalse(apt.Any(s => Overlap(s, slow) || Overlap(s, pip)) || Overlap(pip, slow), times);
            trees[store] = await project.FilesAsync(Token);
        }
        TestProject.AssertSameFiles(trees[TestEngine.Containerd], trees[TestEngine.Graphdriver]);
        StringAssert.Contains(trees[TestEngine.Containerd], "/opt/slow/file");
        StringAssert.Contains(trees[TestEngine.Containerd], "GREETING=hello; $(kept)");
    }

    private static bool Overlap(Step a, Step b) => a.Started < b.Completed && b.Started < a.Completed;

    /// <summary>Forgets what other tests have built of the same packages; none may run meanwhile.</summary>
    private async System.Threading.Tasks.Task PruneAsync(TestProject project, string store)
    {
        using var client = TestEngine.Client(store);
        await client.PruneAsync(new BuildKit.Client.PruneOptions { All = true, Filters = ["type!=exec.cachemount"] }, Token);
        using var docker = project.Docker();
        await docker.PostAsync("images/prune?filters=" + Uri.EscapeDataString("""{"dangling":["true"]}"""), null, Token);
    }

    [TestMethod]
    public async System.Threading.Tasks.Task EmittedLlb_IsSolvedByAnyClient()
    {
        using var project = new TestProject();
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="x" Run="echo from llb > /x" /></ItemGroup>""");
        var built = await project.DotNetAsync(Token, "build", project.File, "-tl:off");
        Assert.AreEqual(0, built.ExitCode, built.All);
        var definition = Definition.Parser.ParseFrom(System.IO.File.ReadAllBytes(project["obj/envd-lean/env.llb"]));
        using var client = TestEngine.Client(TestEngine.Containerd);
        var result = await client.SolveAsync(definition, new SolveOptions(), Token);
        Assert.IsTrue(result.Vertices.Any(v => v.Name == "image: x"));
        StringAssert.Contains(DefinitionDump.ToText(definition), "[image: x]");
    }

    [TestMethod]
    public async System.Threading.Tasks.Task Emit_InAnotherFolder_WritesTheSameBytes()
    {
        const string body = """
            <ItemGroup>
              <AptPackage Include="git" />
              <PythonPackage Include="numpy" Version="[2,3)" />
              <Step Include="x" Copy="x.txt" TargetPath="/x.txt" />
            </ItemGroup>
            """;
        var bytes = new List<byte[]>();
        foreach (var folder in (string[])["one", "two words ä"])
        {
            using var project = new TestProject(folder: folder, name: "same");
            project.Write(body);
            project.WriteFile("x.txt", "x");
            var variables = project.Variables;
            variables["LC_ALL"] = folder == "one" ? "C" : "tr_TR.UTF-8";
            variables["TZ"] = folder == "one" ? "UTC" : "Pacific/Auckland";
            var result = await Commands.RunAsync("dotnet", ["build", project.File, "-tl:off"], project.Folder, variables, Token);
            Assert.AreEqual(0, result.ExitCode, result.All);
            bytes.Add([.. System.IO.File.ReadAllBytes(project["obj/envd/env.spec.json"]), .. System.IO.File.ReadAllBytes(project["obj/envd/env.graph.json"]), .. System.IO.File.ReadAllBytes(project["obj/envd/env.llb"])]);
        }
        CollectionAssert.AreEqual(bytes[0], bytes[1]);
    }
}
