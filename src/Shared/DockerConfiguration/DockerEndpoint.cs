using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Envd.DockerConfiguration;

/// <summary>The engine that the docker command would talk to, found from settings alone.</summary>
/// <param name="Host">As DOCKER_HOST has it.</param>
/// <param name="Tls">The connection is encrypted.</param>
/// <param name="CertificateFolder">Where ca.pem, cert.pem and key.pem lie, if any.</param>
/// <param name="SkipVerify">The server's certificate is not checked.</param>
/// <param name="Origin">Which setting named it, for people.</param>
internal sealed record DockerEndpoint(string Host, bool Tls, string CertificateFolder, bool SkipVerify, string Origin)
{
    /// <summary>dockerd's own default.</summary>
    public static string DefaultHost => OperatingSystem.IsWindows() ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock";

    /// <summary>DOCKER_HOST, DOCKER_CONTEXT, the current context of config.json, the default: in the docker command's own order.</summary>
    /// <param name="variable">Reads an environment variable.</param>
    /// <exception cref="UnknownContextException">A context is named that docker does not have.</exception>
    public static DockerEndpoint Resolve(Func<string, string?> variable)
    {
        if (variable("DOCKER_HOST") is { Length: > 0 } host)
            return FromHost(host, "DOCKER_HOST", variable);
        if (variable("DOCKER_CONTEXT") is { Length: > 0 } context)
            return FromContext(context, "DOCKER_CONTEXT", variable);
        return Property(Path.Combine(ConfigFolder(variable), "config.json"), "currentContext")?.GetString() is { Length: > 0 } current
            ? FromContext(current, "the current docker context", variable)
            : FromHost(DefaultHost, "docker's default", variable);
    }

    /// <summary>An address, with the certificates that DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH name.</summary>
    public static DockerEndpoint FromHost(string host, string origin, Func<string, string?> variable)
    {
        var verify = variable("DOCKER_TLS_VERIFY") is { Length: > 0 };
        var tls = host.StartsWith("tcp://", StringComparison.Ordinal) && (verify || variable("DOCKER_TLS") is { Length: > 0 });
        var folder = variable("DOCKER_CERT_PATH") is { Length: > 0 } given ? given : ConfigFolder(variable);
        return new(host, tls, tls ? folder : "", tls && !verify, origin);
    }

    /// <summary>A docker context, which lies under the hash of its name.</summary>
    /// <exception cref="UnknownContextException">docker has no such context.</exception>
    public static DockerEndpoint FromContext(string name, string origin, Func<string, string?> variable)
    {
        if (name == "default")
            return FromHost(DefaultHost, origin, variable);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var contexts = Path.Combine(ConfigFolder(variable), "contexts");
        var meta = Path.Combine(contexts, "meta", hash, "meta.json");
        if (Property(meta, "Endpoints", "docker", "Host")?.GetString() is not { Length: > 0 } host)
            throw new UnknownContextException(name, origin);
        var certificates = Path.Combine(contexts, "tls", hash, "docker");
        var skip = Property(meta, "Endpoints", "docker", "SkipTLSVerify")?.ValueKind == JsonValueKind.True;
        var tls = host.StartsWith("tcp://", StringComparison.Ordinal) && (skip || Directory.Exists(certificates));
        return new(host, tls, tls ? certificates : "", skip, $"{origin} '{name}'");
    }

    /// <summary>The folder of docker's config.json.</summary>
    public static string ConfigFolder(Func<string, string?> variable) =>
        variable("DOCKER_CONFIG") is { Length: > 0 } folder ? folder
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");

    private static JsonElement? Property(string path, params string[] names)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var element = json.RootElement;
            foreach (var name in names)
                if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                    return null;
            return element.ValueKind is JsonValueKind.String or JsonValueKind.True ? element.Clone() : null;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null; // no docker configuration is the common case, and a broken one is docker's to report
        }
    }
}

/// <summary>A context is named that docker does not have.</summary>
internal sealed class UnknownContextException(string name, string origin) : Exception($"There is no docker context '{name}' ({origin}).");
