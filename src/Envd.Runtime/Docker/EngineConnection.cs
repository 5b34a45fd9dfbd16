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
            var address = EngineAddress.Parse(engine.IsBuildKit ? EngineKind.BuildKit : EngineKind.Docker, engine.Address);
            return engine.Tls ? address with { Tls = TlsOptions.FromFolder(engine.CertificateFolder, engine.SkipVerify) } : address;
        }
        catch (FormatException e)
        {
            throw new EnvdException(ErrorCodes.NoEngine, $"{engine.Origin} names the engine '{engine.Address}': {e.Message}",
                "Name an engine by DOCKER_HOST, a docker context or EnvdContext; `envd doctor` shows what was looked for.", inner: e);
        }
    }

    /// <summary>The Docker API of a chosen engine.</summary>
    public static IDockerApi OpenDocker(EngineSelection engine) =>
        AddressOf(engine) is { Kind: EngineKind.Docker } address
            ? new DockerApi(address)
            : throw new EnvdException(ErrorCodes.EngineTooOld, $"{engine.Address} is a plain buildkitd, which builds images and runs nothing.",
                "Unset BUILDKIT_HOST and name a Docker engine by DOCKER_HOST to start environments.");

    /// <summary>Does something with an engine; that none answers, or that it lacks something, becomes an error for its user.</summary>
    /// <exception cref="EnvdException">The engine does not do it.</exception>
    public static async Task<T> UseAsync<T>(EngineSelection engine, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (BuildKit.EngineUnavailableException e)
        {
            throw new EnvdException(Unavailable(engine, e), e);
        }
        catch (BuildKit.CapabilityException e)
        {
            throw new EnvdException(Lacks(engine, e), e);
        }
    }

    /// <summary>What to tell when an engine lacks what is needed, or does not grant it.</summary>
    public static Diagnostic Lacks(EngineSelection engine, BuildKit.CapabilityException e) => e.Capability is "network.host" or "security.insecure"
        ? new(ErrorCodes.EngineRefused, $"{e.Message} ({engine.Origin})", "Ask who runs it to allow this, or leave the setting out.")
        : new(ErrorCodes.EngineTooOld, $"{e.Message} ({engine.Origin})", "Docker 23 or newer has BuildKit; a plain buildkitd is named by BUILDKIT_HOST.");

    /// <summary>What to tell when no engine answers.</summary>
    public static Diagnostic Unavailable(EngineSelection engine, BuildKit.EngineUnavailableException e) => e.WasConnected
        ? new Diagnostic(ErrorCodes.EngineLost, e.Message, "Nothing is half written: start the engine and build again; what was built is in its cache.")
        : new Diagnostic(ErrorCodes.NoEngine, $"{e.Message} ({engine.Origin})", "Start Docker, or name an engine by DOCKER_HOST, a docker context or EnvdContext; `envd doctor` shows what was looked for.");
}
