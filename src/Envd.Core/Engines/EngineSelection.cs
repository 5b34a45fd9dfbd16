using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Envd.Core.Diagnostics;

namespace Envd.Core.Engines;

/// <summary>Which engine is meant: found from settings alone, nothing is contacted.</summary>
/// <param name="Address"><c>unix:///path</c> or <c>tcp://host:port</c>.</param>
/// <param name="IsBuildKit">A plain buildkitd rather than dockerd.</param>
/// <param name="Origin">Which setting named it, for people.</param>
public sealed record EngineSelection(string Address, bool IsBuildKit, string Origin)
{
    /// <summary>dockerd's own default.</summary>
    public const string DefaultAddress = "unix:///var/run/docker.sock";

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
        if (choice.Contains("://", StringComparison.Ordinal))
            return new(choice, false, "EnvdContext");
        if (choice.Length > 0)
            return FromContext(choice, "EnvdContext", variable);
        if (variable("BUILDKIT_HOST") is { Length: > 0 } buildkit)
            return new(buildkit, true, "BUILDKIT_HOST");
        if (variable("DOCKER_HOST") is { Length: > 0 } host)
            return new(host, false, "DOCKER_HOST");
        if (variable("DOCKER_CONTEXT") is { Length: > 0 } context)
            return FromContext(context, "DOCKER_CONTEXT", variable);
        var current = Property(Path.Combine(ConfigFolder(variable), "config.json"), "currentContext");
        return current is { Length: > 0 } ? FromContext(current, "the current docker context", variable)
            : new(DefaultAddress, false, "docker's default");
    }

    private static EngineSelection FromContext(string name, string origin, Func<string, string?> variable)
    {
        if (name == "default")
            return new(DefaultAddress, false, origin);
        // docker keeps a context under the hash of its name.
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var path = Path.Combine(ConfigFolder(variable), "contexts", "meta", hash, "meta.json");
        return Property(path, "Endpoints", "docker", "Host") is { Length: > 0 } host
            ? new(host, false, $"{origin} '{name}'")
            : throw new EnvdException(ErrorCodes.NoEngine, $"There is no docker context '{name}' ({origin}).", "`docker context ls` lists them.");
    }

    private static string ConfigFolder(Func<string, string?> variable) =>
        variable("DOCKER_CONFIG") is { Length: > 0 } folder ? folder
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");

    private static string? Property(string path, params string[] names)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var element = json.RootElement;
            foreach (var name in names)
                if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                    return null;
            return element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null; // no docker configuration is the common case, and a broken one is docker's to report
        }
    }
}
