using Envd.DockerConfiguration;

namespace Envd.BuildKit.Transport;

/// <summary>What answers at an address.</summary>
public enum EngineKind
{
    /// <summary>dockerd: BuildKit behind HTTP upgrades of <c>/grpc</c> and <c>/session</c>.</summary>
    Docker,

    /// <summary>buildkitd: plain gRPC.</summary>
    BuildKit,
}

/// <summary>
/// Where an engine listens: <c>unix:///path</c>, <c>tcp://host:port</c>, <c>npipe:////./pipe/name</c>, <c>ssh://user@host</c>; for a buildkitd inside a
/// container <c>docker-container://NAME</c>, <c>podman-container://NAME</c>, <c>nerdctl-container://NAME</c> or <c>kube-pod://POD?namespace=…&amp;container=…&amp;context=…</c>.
/// </summary>
/// <param name="Kind">What answers there.</param>
/// <param name="Uri">The address.</param>
public sealed record EngineAddress(EngineKind Kind, Uri Uri)
{
    private static readonly string[] Containers = ["docker-container", "podman-container", "nerdctl-container", "kube-pod"];

    /// <summary>Encryption of a <c>tcp</c> address; null is none.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>Reads an address.</summary>
    /// <param name="kind">What answers; a container's address is a buildkitd's always.</param>
    /// <param name="text">The address.</param>
    /// <exception cref="FormatException">The scheme is unknown, or a name is missing.</exception>
    public static EngineAddress Parse(EngineKind kind, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri))
            throw Unreadable(text);
        var container = Containers.Contains(uri.Scheme, StringComparer.Ordinal);
        var complete = uri.Scheme switch
        {
            "unix" => uri.LocalPath.Length > 1,
            "npipe" => true,
            "tcp" => uri.Host.Length > 0 && uri.Port > 0,
            // A name that starts with a dash would be read as an option by the command that is run.
            "ssh" => uri.Host.Length > 0 && uri.Host[0] != '-' && !uri.UserInfo.StartsWith('-'),
            _ => container && uri.Host.Length > 0 && uri.Host[0] != '-',
        };
        return complete ? new EngineAddress(container ? EngineKind.BuildKit : kind, uri) : throw Unreadable(text);
    }

    /// <summary>The engine that the docker command would talk to; BUILDKIT_HOST before it names a plain buildkitd.</summary>
    /// <param name="variable">Reads an environment variable; null is this process' own environment.</param>
    /// <exception cref="FormatException">The address that was found is none.</exception>
    /// <exception cref="BuildKitException">A context is named that docker does not have.</exception>
    public static EngineAddress FromEnvironment(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        if (variable("BUILDKIT_HOST") is { Length: > 0 } buildkit)
            return Parse(EngineKind.BuildKit, buildkit);
        try
        {
            var endpoint = DockerEndpoint.Resolve(variable);
            return Parse(EngineKind.Docker, endpoint.Host) with { Tls = endpoint.Tls ? TlsOptions.FromFolder(endpoint.CertificateFolder, endpoint.SkipVerify) : null };
        }
        catch (UnknownContextException e)
        {
            throw new BuildKitException(e.Message, e);
        }
    }

    /// <summary>The socket file of a unix address.</summary>
    public string? SocketPath => Uri.Scheme == "unix" ? Uri.LocalPath : null;

    /// <summary>The pipe of a Windows named pipe's address.</summary>
    internal string? PipeName
    {
        get
        {
            const string Prefix = "//./pipe/";
            if (Uri.Scheme != "npipe")
                return null;
            var name = Uri.OriginalString["npipe://".Length..];
            return name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
        }
    }

    /// <inheritdoc />
    public override string ToString() => Uri.Scheme switch
    {
        "unix" => $"unix://{Uri.LocalPath}",
        "tcp" => Uri.GetLeftPart(UriPartial.Authority),
        _ => Uri.OriginalString,
    };

    private static FormatException Unreadable(string text) =>
        new($"'{text}' is no engine address; write unix:///path, tcp://host:port, npipe:////./pipe/name, ssh://user@host, docker-container://NAME, podman-container://NAME, nerdctl-container://NAME or kube-pod://POD.");
}
