using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private readonly SortedSet<string> _usedSecrets = new(StringComparer.Ordinal);

    /// <summary>Secrets that something uses while building. Must be called after everything that may use one.</summary>
    private List<SecretSpec> Secrets()
    {
        var secrets = new List<SecretSpec>();
        foreach (var item in Items("Secret"))
        {
            var variable = item["EnvironmentVariable"];
            var source = item["Source"];
            if (!Names.IsIdentifier(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"Secret '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            else if (!IsSecretSource(source))
                Report(item, "Source", ErrorCodes.LiteralSecret, $"Source of Secret '{item.Include}' names no place.", "Write env:NAME or file:PATH; a secret itself never stands in a project file.");
            else if (variable.Length > 0 && !Names.IsVariable(variable))
                Report(item, "EnvironmentVariable", ErrorCodes.InvalidName, $"'{Printable(variable)}' is no variable.", "Write letters, digits and '_'.");
            else if (item["Scope"].ToLowerInvariant() is not ("" or "build" or "start" or "both"))
                Report(item, "Scope", ErrorCodes.InvalidValue, $"Scope of Secret '{item.Include}' is '{Printable(item["Scope"])}'.", "Write build, start or both.");
            else if (variable.Length > 0 && IsStartSecret(item))
                Report(item, "EnvironmentVariable", ErrorCodes.MetadataConflict, $"Secret '{item.Include}' is one of the running environment, where variables are seen by every process.", $"Read the file /run/secrets/{item.Include}.");
            else if (secrets.Exists(s => s.Id == item.Include))
                Report(item, "", ErrorCodes.Contradiction, $"There are two secrets named '{item.Include}'.");
            else
                secrets.Add(new SecretSpec(item.Include, variable));
        }
        return [.. secrets.Where(s => _usedSecrets.Contains(s.Id)).OrderBy(s => s.Id, StringComparer.Ordinal)];
    }

    private static bool IsStartSecret(ProjectItem item) => item["Scope"].ToLowerInvariant() is "start" or "both";

    private IReadOnlyList<string> UsedSecrets(ProjectItem item, string metadata)
    {
        foreach (var id in item.List(metadata))
        {
            if (Items("Secret").FirstOrDefault(s => s.Include == id) is { } secret && secret["Scope"].Equals("start", StringComparison.OrdinalIgnoreCase))
                Report(item, metadata, ErrorCodes.MetadataConflict, $"{item.Type} '{Printable(item.Include)}' uses the secret '{Printable(id)}' while building, and its Scope is start.", "Write Scope=\"both\", or leave Scope out.");
            else if (Items("Secret").Any(s => s.Include == id))
                _usedSecrets.Add(id);
            else
                Report(item, metadata, ErrorCodes.UnknownKind, $"{item.Type} '{Printable(item.Include)}' uses the secret '{Printable(id)}', which nothing declares.",
                    NearestName.Suggest(id, Items("Secret").Select(s => s.Include)) is { Length: > 0 } near ? near : $"Add <Secret Include=\"{Printable(id)}\" Source=\"env:NAME\" />.");
        }
        return item.List(metadata);
    }

    private List<PathEntrySpec> PathEntries()
    {
        var entries = new List<PathEntrySpec>();
        foreach (var item in Items("PathEntry"))
        {
            var variable = item["Variable"] is { Length: > 0 } given ? given : "PATH";
            var position = item["Position"].ToLowerInvariant();
            if (!IsCleanPath(item.Include) || item.Include.Contains(':', StringComparison.Ordinal))
                Report(item, "", ErrorCodes.InvalidValue, $"PathEntry '{Printable(item.Include)}' is no absolute path.", "Write one folder, such as /opt/tool/bin.");
            else if (!Names.IsVariable(variable))
                Report(item, "Variable", ErrorCodes.InvalidName, $"'{Printable(variable)}' is no variable.", "Write a name such as PATH or LD_LIBRARY_PATH.");
            else if (position is not ("" or "prepend" or "append"))
                Report(item, "Position", ErrorCodes.InvalidValue, $"Position of PathEntry '{item.Include}' is '{Printable(position)}'.", "Write prepend or append.");
            else
                entries.Add(new PathEntrySpec(item.Include, variable, position == "append"));
        }
        return entries;
    }

    private List<string> CertificateAuthorities()
    {
        var files = new List<string>();
        foreach (var item in Items("CertificateAuthority"))
            if (ContextFile(item, "", item.Include) is { } path)
            {
                if (!File.ReadAllText(Path.Combine(_model.ContextDirectory, path)).Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
                    Report(item, "", ErrorCodes.InvalidValue, $"'{Printable(item.Include)}' holds no certificate in PEM.", "Convert it by `openssl x509 -inform der -in FILE`.");
                else if (!files.Contains(path))
                    files.Add(path);
            }
        return files;
    }

    private List<AptSourceSpec> AptSources()
    {
        var sources = new List<AptSourceSpec>();
        foreach (var item in Items("AptSource"))
        {
            if (ContextFile(item, "", item.Include) is not { } path)
                continue;
            if (!path.EndsWith(".sources", StringComparison.Ordinal) && !path.EndsWith(".list", StringComparison.Ordinal))
                Report(item, "", ErrorCodes.InvalidName, $"'{Printable(item.Include)}' is no file of apt's sources.", "Name it .sources (deb822) or .list (one line each), as apt does.");
            else if (item["KeyFile"] is not { Length: > 0 } key)
                sources.Add(new AptSourceSpec(path, "", Flag(item, "Replace")));
            else if (ContextFile(item, "KeyFile", key) is { } keyPath)
                sources.Add(new AptSourceSpec(path, keyPath, Flag(item, "Replace")));
        }
        return sources;
    }

    private static readonly string[] MirrorKinds = ["apt", "conda", "cran", "crates", "go", "julia", "npm", "vscode"];

    private List<MirrorSpec> Mirrors()
    {
        var mirrors = new SortedDictionary<string, MirrorSpec>(StringComparer.Ordinal);
        foreach (var item in Items("Mirror"))
        {
            var url = item.Address("Url").TrimEnd('/');
            var registry = item.Include == "docker.io";
            if (!MirrorKinds.Contains(item.Include) && (Uri.CheckHostName(item.Include) != UriHostNameType.Dns || !item.Include.Contains('.', StringComparison.Ordinal)))
                Report(item, "", ErrorCodes.UnknownKind, $"Mirror '{Printable(item.Include)}' is nothing that Envd knows to mirror.", $"Write {string.Join(", ", MirrorKinds)}, docker.io, or the host of downloads and git repositories; Python has PythonIndex.");
            else if (registry ? !Names.IsImageReference(url + "/x:1") : !IsAddress(url) || UserInfo(url))
                Report(item, "Url", ErrorCodes.InvalidValue, $"Url of Mirror '{item.Include}' is '{Printable(url)}'.", registry ? "Write a registry, with a path if need be: registry.example:5000/hub." : "Write an http address without a login in it.");
            else if (mirrors.TryGetValue(item.Include, out var other) && other.Url != url)
                Report(item, "Url", ErrorCodes.Contradiction, $"Mirror '{item.Include}' is declared as {other.Url} and as {url}.", "Keep one of them.");
            else
                mirrors[item.Include] = new MirrorSpec(item.Include, url);
        }
        return [.. mirrors.Values];
    }

    /// <summary>A file of the context, or null with an error.</summary>
    private string? ContextFile(ProjectItem item, string metadata, string path)
    {
        if (ContextPath(path) is not { } relative)
            Report(item, metadata, ErrorCodes.InvalidValue, $"'{Printable(path)}' lies outside of the project's folder.", "Set EnvdContextDirectory to a folder that holds both.");
        else if (!File.Exists(Path.Combine(_model.ContextDirectory, relative)))
            Report(item, metadata, ErrorCodes.MissingFile, $"The file '{Printable(path)}' is not there.", "Write its path relative to the project's folder.");
        else if (Llb.PatternSet.HasWildcard(relative) || relative.Any(char.IsControl))
            Report(item, metadata, ErrorCodes.InvalidName, $"The file '{Printable(path)}' has a wildcard in its name.", "Rename it.");
        else
            return relative;
        return null;
    }

    private static bool IsSecretSource(string source) =>
        (source.StartsWith("env:", StringComparison.Ordinal) && Names.IsVariable(source[4..]))
        || (source.StartsWith("file:", StringComparison.Ordinal) && source.Length > 5);

    private static bool IsAddress(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" && uri.Host.Length > 0 && !url.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || "\"<>\\^`{|}".Contains(c, StringComparison.Ordinal)); // RFC 3986, 2

    private static bool UserInfo(string url) => Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.UserInfo.Length > 0;
}
