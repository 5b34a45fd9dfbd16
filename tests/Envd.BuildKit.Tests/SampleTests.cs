namespace Envd.BuildKit.Tests;

/// <summary>The programs of the package's README, as they stand there.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class SampleTests : EngineTest
{
    private static readonly string Repository = Environment.GetEnvironmentVariable("ENVD_TEST_REPOSITORY")
        ?? throw new InvalidOperationException("ENVD_TEST_REPOSITORY is not set: run the tests through eng/test.sh.");

    [TestMethod]
    [DynamicData(nameof(TestEngine.Matrix), typeof(TestEngine))]
    public async Task FirstBuild_LeavesItsFile(string engine)
    {
        using var folder = new TemporaryFolder();
        folder.Write("in/name", "you");
        var result = await RunAsync("first-build", engine, folder["in"], folder["out"]);
        Assert.AreEqual(0, result.ExitCode, result.All);
        Assert.AreEqual("you", File.ReadAllText(folder["out/greeting"]));
    }

    [TestMethod]
    public async Task Progress_ShowsStepsAndHowAFailureEnds()
    {
        using var folder = new TemporaryFolder();
        folder.Write("Dockerfile", $"FROM {TestEngine.BaseImage}\nRUN echo {Guid.NewGuid():N} && echo trouble >&2 && exit 5\n");
        var result = await RunAsync("progress", TestEngine.Containerd, folder.Path);
        Assert.AreEqual(1, result.ExitCode, result.All);
        StringAssert.Contains(result.Error, "! trouble");
        StringAssert.Contains(result.Error, "failed with exit code 5");
    }

    [TestMethod]
    [DataRow("first-build")]
    [DataRow("progress")]
    public void Readme_HoldsTheSample(string name) =>
        StringAssert.Contains(File.ReadAllText(Path.Combine(Repository, "src/Envd.BuildKit/README.md")),
            File.ReadAllText(Path.Combine(Repository, "samples/buildkit-client", name, "Program.cs")).Trim());

    private Task<CommandResult> RunAsync(string sample, string engine, params string[] arguments)
    {
        // The configuration that the tests themselves were built with.
        var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        var program = Path.Combine(Repository, "samples/buildkit-client", sample, "bin", configuration, "net10.0", sample + ".dll");
        return Commands.RunAsync("dotnet", [program, .. arguments], "/", new Dictionary<string, string?>
        {
            ["DOCKER_HOST"] = engine == TestEngine.Standalone ? null : TestEngine.Address(engine),
            ["BUILDKIT_HOST"] = engine == TestEngine.Standalone ? Environment.GetEnvironmentVariable("BUILDKIT_HOST") : null,
        }, Token);
    }
}
