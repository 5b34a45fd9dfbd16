using Envd.BuildKit.Client;
using Envd.BuildKit.Transport;

namespace Envd.Testing;

/// <summary>
/// The engines that eng/test.sh has started. A test that needs one of them fails where it does not answer; it is left out only where eng/test.sh
/// says that this machine has none of that kind.
/// </summary>
public static class TestEngine
{
    /// <summary>dockerd with the containerd image store.</summary>
    public const string Containerd = "containerd";

    /// <summary>dockerd without it: no merge, no diff.</summary>
    public const string Graphdriver = "graphdriver";

    /// <summary>The image that both engines hold.</summary>
    public const string BaseImage = "docker.io/library/debian:trixie";

    /// <summary>The address of an engine, as DOCKER_HOST has it.</summary>
    public static string Address(string store)
    {
        if (Environment.GetEnvironmentVariable("ENVD_TEST_STORES") is { Length: > 0 } stores && !stores.Split(' ').Contains(store))
            Assert.Inconclusive($"eng/test.sh found no engine with the {store} store on this machine.");
        var name = "ENVD_TEST_" + store.ToUpperInvariant();
        return Environment.GetEnvironmentVariable(name) is { Length: > 0 } address
            ? address
            : throw new AssertFailedException($"{name} is not set: run the tests through eng/test.sh, or set it to what `eng/engine.sh start --store {store}` prints.");
    }

    /// <summary>A standalone buildkitd, where BUILDKIT_HOST names one.</summary>
    public const string Standalone = "buildkitd";

    /// <summary>The engines that a test of what every engine can do runs on.</summary>
    public static IEnumerable<object[]> Matrix =>
        Environment.GetEnvironmentVariable("BUILDKIT_HOST") is { Length: > 0 } ? [[Containerd], [Graphdriver], [Standalone]] : [[Containerd], [Graphdriver]];

    /// <summary>The engines that merge.</summary>
    public static IEnumerable<object[]> Merging => Matrix.Where(e => (string)e[0] != Graphdriver);

    /// <summary>A client of an engine.</summary>
    public static BuildKitClient Client(string store) => store == Standalone
        ? new(EngineAddress.Parse(EngineKind.BuildKit, Environment.GetEnvironmentVariable("BUILDKIT_HOST")!))
        : new(EngineAddress.Parse(EngineKind.Docker, Address(store)));
}
