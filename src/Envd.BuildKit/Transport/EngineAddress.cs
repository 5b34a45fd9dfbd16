namespace Envd.BuildKit.Transport;

/// <summary>What answers at an address.</summary>
public enum EngineKind
{
    /// <summary>dockerd: BuildKit behind HTTP upgrades of <c>/grpc</c> and <c>/session</c>.</summary>
    Docker,

    /// <summary>buildkitd: plain gRPC.</summary>
    BuildKit,
}

/// <summary>Where an engine listens: <c>unix:///path</c> or <c>tcp://host:port</c>.</summary>
/// <param name="Kind">What answers there.</param>
/// <param name="Uri">The address.</param>
public sealed record EngineAddress(EngineKind Kind, Uri Uri)
{
    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">The scheme is neither unix nor tcp.</exception>
    public static EngineAddress Parse(EngineKind kind, string text)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "unix" or "tcp")
            return new EngineAddress(kind, uri);
        throw new FormatException($"'{text}' is no engine address; write unix:///path or tcp://host:port.");
    }

    /// <summary>The socket file of a unix address.</summary>
    public string? SocketPath => Uri.Scheme == "unix" ? Uri.LocalPath : null;

    /// <inheritdoc />
    public override string ToString() => Uri.Scheme == "unix" ? $"unix://{Uri.LocalPath}" : Uri.GetLeftPart(UriPartial.Authority);
}
