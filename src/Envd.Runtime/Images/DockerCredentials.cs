using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Envd.BuildKit.Session;

namespace Envd.Runtime.Images;

/// <summary>Registry logins as the docker command keeps them: ~/.docker/config.json and its credential helpers.</summary>
public sealed class DockerCredentials : IRegistryCredentials
{
    private const string HubKey = "https://index.docker.io/v1/";

    private readonly Dictionary<string, RegistryLogin> _logins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _helpers = new(StringComparer.Ordinal);
    private string? _store;

    private DockerCredentials()
    {
    }

    /// <summary>No login is known.</summary>
    public bool IsEmpty => _logins.Count == 0 && _helpers.Count == 0 && _store is null;

    /// <summary>Reads the configuration; empty where there is none.</summary>
    public static DockerCredentials Load()
    {
        var result = new DockerCredentials();
        var folder = Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } given ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
            var root = json.RootElement;
            if (root.TryGetProperty("credsStore", out var store) && store.ValueKind == JsonValueKind.String)
                result._store = store.GetString();
            if (root.TryGetProperty("credHelpers", out var helpers) && helpers.ValueKind == JsonValueKind.Object)
                foreach (var helper in helpers.EnumerateObject())
                    result._helpers[helper.Name] = helper.Value.GetString() ?? "";
            if (root.TryGetProperty("auths", out var auths) && auths.ValueKind == JsonValueKind.Object)
                foreach (var auth in auths.EnumerateObject())
                    if (Login(auth.Value) is { } login)
                        result._logins[auth.Name] = login;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            // Without a configuration there is no login; a registry that wants one says so.
        }
        return result;
    }

    /// <inheritdoc />
    public async Task<RegistryLogin?> FindAsync(string host, CancellationToken cancellationToken)
    {
        // Docker Hub's registry is asked under another name than docker login stores.
        var key = host is "registry-1.docker.io" or "docker.io" ? HubKey : host;
        if ((_helpers.GetValueOrDefault(key) ?? _store) is { Length: > 0 } helper && await AskHelperAsync(helper, key, cancellationToken) is { } login)
            return login;
        return _logins.GetValueOrDefault(key) ?? _logins.GetValueOrDefault("https://" + key);
    }

    private static RegistryLogin? Login(JsonElement auth)
    {
        if (auth.TryGetProperty("identitytoken", out var token) && token.GetString() is { Length: > 0 } identity)
            return new RegistryLogin("", identity);
        if (!auth.TryGetProperty("auth", out var encoded) || encoded.GetString() is not { Length: > 0 } text)
            return null;
        var pair = Encoding.UTF8.GetString(Convert.FromBase64String(text)).TrimEnd('\0');
        var cut = pair.IndexOf(':', StringComparison.Ordinal);
        return cut < 0 ? null : new RegistryLogin(pair[..cut], pair[(cut + 1)..]);
    }

    private static async Task<RegistryLogin?> AskHelperAsync(string helper, string key, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("docker-credential-" + helper, "get")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            await process.StandardInput.WriteAsync(key);
            process.StandardInput.Close();
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
                return null;
            using var json = JsonDocument.Parse(output);
            var user = json.RootElement.GetProperty("Username").GetString() ?? "";
            return new RegistryLogin(user == "<token>" ? "" : user, json.RootElement.GetProperty("Secret").GetString() ?? "");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or JsonException or KeyNotFoundException)
        {
            return null; // a helper that is not installed is docker's to complain about
        }
    }
}
