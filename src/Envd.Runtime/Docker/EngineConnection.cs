using Envd.BuildKit.Transport;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;

namespace Envd.Runtime.Docker;

/// <summary>From a chosen engine to something that can be called.</summary>
public static class EngineConnection
{
    /// <summary>The address of a chosen engine.</summary>
    /// <exception cref="EnvdException">The address is of a kind that this version does not speak.</exception>
    public static EngineAddress AddressOf(EngineSelection engine)
    {
        try
        {
            return EngineAddress.Parse(engine.IsBuildKit ? EngineKind.BuildKit : EngineKind.Docker, engine.Address);
        }
        catch (FormatException e)
        {
            throw new EnvdException(ErrorCodes.NoEngine, $"{engine.Origin} names the engine '{engine.Address}': {e.Message}",
                "For an engine on another machine forward its socket, such as by `ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`, and name that.", inner: e);
        }
    }

    /// <summary>The Docker API of a chosen engine.</summary>
    public static IDockerApi OpenDocker(EngineSelection engine) =>
        engine.IsBuildKit
            ? throw new EnvdException(ErrorCodes.EngineTooOld, $"{engine.Address} is a plain buildkitd, which builds images and runs nothing.",
                "Unset BUILDKIT_HOST and name a Docker engine by DOCKER_HOST to start environments.")
            : new DockerApi(AddressOf(engine));

    /// <summary>What to tell when an engine lacks what is needed.</summary>
    public static Diagnostic TooOld(EngineSelection engine, BuildKit.CapabilityException e) =>
        new(ErrorCodes.EngineTooOld, $"{e.Message} ({engine.Origin})", "Docker 23 or newer has BuildKit; a plain buildkitd is named by BUILDKIT_HOST.");

    /// <summary>What to tell when no engine answers.</summary>
    public static Diagnostic Unavailable(EngineSelection engine, BuildKit.EngineUnavailableException e) => e.WasConnected
        ? new Diagnostic(ErrorCodes.EngineLost, e.Message, "Nothing is half written: start the engine and build again; what was built is in its cache.")
        : new Diagnostic(ErrorCodes.NoEngine, $"{e.Message} ({engine.Origin})", "Start Docker, or name an engine by DOCKER_HOST, a docker context or EnvdContext; `envd doctor` shows what was looked for.");
}
