using Envd.BuildKit.Client;
using Envd.BuildKit.Transport;

namespace Envd.Testing;

/// <summary>An engine of a test's own, made anew by every start, that may be killed, stopped for a while, and filled.</summary>
public sealed class SpareEngine : IAsyncDisposable
{
    private static readonly string Script = Path.Combine(Environment.GetEnvironmentVariable("ENVD_TEST_REPOSITORY") ?? "", "eng", "engine.sh");

    private SpareEngine(string address) => Address = address;

    /// <summary>As DOCKER_HOST has it.</summary>
    public string Address { get; }

    /// <summary>The address of this machine in the network of its containers.</summary>
    public const string Gateway = "10.213.3.1";

    /// <summary>Starts one whose data may take so many megabytes.</summary>
    /// <param name="megabytes">Of memory.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="closed">Its containers reach this machine alone.</param>
    public static async Task<SpareEngine> StartAsync(int megabytes, CancellationToken cancellationToken, bool closed = false)
    {
        if (Environment.UserName != "root")
            Assert.Inconclusive("A spare engine needs root.");
        var result = await RunAsync(["start", "--spare", megabytes.ToString(System.Globalization.CultureInfo.InvariantCulture), .. closed ? ["--closed"] : Array.Empty<string>()], cancellationToken);
        return result.ExitCode == 0 ? new SpareEngine(result.Output.Trim()) : throw new AssertFailedException($"No spare engine: {result.Error}");
    }

    /// <summary>A client of it.</summary>
    public BuildKitClient Client(BuildKitClientOptions? options = null) => new(EngineAddress.Parse(EngineKind.Docker, Address), options);

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => SignalAsync("kill");

    /// <summary>SIGSTOP.</summary>
    public Task PauseAsync() => SignalAsync("pause");

    /// <summary>SIGCONT.</summary>
    public Task ResumeAsync() => SignalAsync("resume");

    /// <inheritdoc />
    public async ValueTask DisposeAsync() => await RunAsync(["stop", "--spare", "1"], CancellationToken.None);

    private static async Task SignalAsync(string verb)
    {
        var result = await RunAsync([verb, "--spare", "1"], CancellationToken.None);
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    private static Task<CommandResult> RunAsync(string[] arguments, CancellationToken cancellationToken) =>
        Commands.RunAsync("bash", [Script, .. arguments], "/", new Dictionary<string, string?>(), cancellationToken);
}
