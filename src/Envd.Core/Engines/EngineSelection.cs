using System.Security.Cryptography;
using System.Text;
using Envd.Core.Diagnostics;
using Envd.DockerConfiguration;

namespace Envd.Core.Engines;

/// <summary>Which engine is meant: found from settings alone, nothing is contacted.</summary>
/// <param name="Address">Such as <c>unix:///path</c>, <c>tcp://host:port</c> or <c>ssh://user@host</c>.</param>
/// <param name="IsBuildKit">A plain buildkitd rather than dockerd.</param>
/// <param name="Origin">Which setting named it, for people.</param>
public sealed record EngineSelection(string Address, bool IsBuildKit, string Origin)
{
    /// <summary>The connection is encrypted.</summary>
    public bool Tls { get; init; }

    /// <summary>Where ca.pem, cert.pem and key.pem lie; empty where there are none.</summary>
    public string CertificateFolder { get; init; } = "";

    /// <summary>The server's certificate is not checked.</summary>
    public bool SkipVerify { get; init; }

    /// <summary>A short text that stands for the address in file names.</summary>
    public string Key => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Address)))[..12];

    /// <summary>
    /// The engine as the docker command would choose it: an explicit choice, DOCKER_HOST, DOCKER_CONTEXT, the current context of
    /// ~/.docker/config.json, the default socket; BUILDKIT_HOST before them names a plain buildkitd.
    /// </summary>
    /// <param name="choice">EnvdContext or <c>--context</c>: an address, or the name of a docker context; may be empty.</param>
    /// <param name="variable">Reads an environment variable.</param>
    /// <exception cref="EnvdException">A context is named that docker does not have.</exception>
    public static EngineSelection Resolve(string choice, Func<string, string?> variable)
    {
        try
        {
            if (choice.Contains("://", StringComparison.Ordinal))
                return From(DockerEndpoint.FromHost(choice, "EnvdContext", variable));
            if (choice.Length > 0)
                return From(DockerEndpoint.FromContext(choice, "EnvdContext", variable));
            return variable("BUILDKIT_HOST") is { Length: > 0 } buildkit
                ? new(buildkit, true, "BUILDKIT_HOST")
                : From(DockerEndpoint.Resolve(variable));
        }
        catch (UnknownContextException e)
        {
            throw new EnvdException(ErrorCodes.NoEngine, e.Message, "`docker context ls` lists them.");
        }
    }

    // What runs in a container of that name is a buildkitd.
    private static bool IsContainer(string address) =>
        address.Split("://")[0] is "docker-container" or "podman-container" or "nerdctl-container" or "kube-pod";

    private static EngineSelection From(DockerEndpoint endpoint) =>
        new(endpoint.Host, IsContainer(endpoint.Host), endpoint.Origin) { Tls = endpoint.Tls, CertificateFolder = endpoint.CertificateFolder, SkipVerify = endpoint.SkipVerify };
}
