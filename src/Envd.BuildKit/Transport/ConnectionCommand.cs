namespace Envd.BuildKit.Transport;

/// <summary>A command whose standard input and output are the connection to an engine.</summary>
/// <param name="Program">Found on PATH.</param>
/// <param name="Arguments">One by one; no shell reads them on this machine.</param>
internal sealed record ConnectionCommand(string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>The command for an address, or null where a socket is dialed.</summary>
    public static ConnectionCommand? For(EngineAddress address)
    {
        var uri = address.Uri;
        var query = Query(uri);
        // The name as it was written: Uri makes hosts lower case.
        var name = Uri.UnescapeDataString(uri.OriginalString[(uri.Scheme.Length + 3)..].Split('/', '?')[0]);
        return uri.Scheme switch
        {
            "docker-container" => new("docker", [.. Option("--context", "context", query), "exec", "-i", name, "buildctl", "dial-stdio"]),
            "podman-container" => new("podman", ["exec", "-i", name, "buildctl", "dial-stdio"]),
            "nerdctl-container" => new("nerdctl", [.. Option("--namespace", "namespace", query), "exec", "-i", name, "buildctl", "dial-stdio"]),
            "kube-pod" => new("kubectl", [.. Option("--context", "context", query), .. Option("--namespace", "namespace", query), "exec", "-i", name,
                .. Option("--container", "container", query), "--", "buildctl", "dial-stdio"]),
            "ssh" => Ssh(address),
            _ => null,
        };
    }

    private static ConnectionCommand Ssh(EngineAddress address)
    {
        var uri = address.Uri;
        var arguments = new List<string> { "-o", "ConnectTimeout=30", "-T" };
        if (uri.UserInfo.Length > 0)
            arguments.AddRange(["-l", Uri.UnescapeDataString(uri.UserInfo.Split(':')[0])]);
        if (uri.Port > 0)
            arguments.AddRange(["-p", uri.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        arguments.AddRange(["--", uri.Host]);
        // What follows the host is one text for the far side's shell, so a path is quoted for it.
        var socket = uri.AbsolutePath.Length > 1 ? Quote("unix://" + Uri.UnescapeDataString(uri.AbsolutePath)) : null;
        arguments.AddRange(address.Kind == EngineKind.Docker
            ? ["docker", .. socket is null ? Array.Empty<string>() : ["--host", socket], "system", "dial-stdio"]
            : ["buildctl", .. socket is null ? Array.Empty<string>() : ["--addr", socket], "dial-stdio"]);
        return new("ssh", arguments);
    }

    private static string[] Option(string option, string name, Dictionary<string, string> query) =>
        query.TryGetValue(name, out var value) ? [$"{option}={value}"] : [];

    private static Dictionary<string, string> Query(Uri uri)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var pair = part.Split('=', 2);
            result[Uri.UnescapeDataString(pair[0])] = pair.Length == 2 ? Uri.UnescapeDataString(pair[1]) : "";
        }
        return result;
    }

    private static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
