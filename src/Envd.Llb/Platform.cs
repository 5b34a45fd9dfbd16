namespace Envd.Llb;

/// <summary>An OCI platform, such as <c>linux/amd64</c> (OCI image specification, image index, <c>platform</c>).</summary>
/// <param name="OperatingSystem">As in Go's GOOS: <c>linux</c>.</param>
/// <param name="Architecture">As in Go's GOARCH: <c>amd64</c>, <c>arm64</c>.</param>
/// <param name="Variant">Such as <c>v7</c> for arm; empty where there is none.</param>
public sealed record Platform(string OperatingSystem, string Architecture, string Variant = "")
{
    /// <summary>Reads <c>os/architecture[/variant]</c>.</summary>
    /// <exception cref="FormatException">The text has another shape.</exception>
    public static Platform Parse(string text)
    {
        var parts = text.Split('/');
        return parts.Length is 2 or 3 && Array.TrueForAll(parts, p => p.Length > 0)
            ? new Platform(parts[0], parts[1], parts.Length == 3 ? parts[2] : "")
            : throw new FormatException($"'{text}' is no platform; write it as linux/amd64.");
    }

    /// <inheritdoc />
    public override string ToString() =>
        Variant.Length == 0 ? $"{OperatingSystem}/{Architecture}" : $"{OperatingSystem}/{Architecture}/{Variant}";

    internal Protocol.Platform ToProtocol() => new() { Os = OperatingSystem, Architecture = Architecture, Variant = Variant };
}
