using System.Text.Json;
using System.Text.RegularExpressions;
using Envd.Core.Spec;

namespace Envd.Core.Locks;

/// <summary>Reads what the resolvers have written.</summary>
internal static partial class Resolution
{
    private const string IndexRoot = "/dev/shm/envd/index/";
    private const string ContextRoot = "/dev/shm/envd/context/";

    /// <summary>The packages of lock.py's answer, and paths that two of them write.</summary>
    /// <param name="json">python.json.</param>
    /// <param name="spec">What was resolved.</param>
    /// <param name="run">Where the folders of indexes are.</param>
    /// <param name="projectFolder">The lock's own folder.</param>
    /// <param name="context">The folder of the project's files.</param>
    public static (IReadOnlyList<LockedPackage> Packages, IReadOnlyList<string> Overlaps) ReadPython(ReadOnlyMemory<byte> json, EnvironmentSpec spec, RunSpec run, string projectFolder, string context)
    {
        using var document = JsonDocument.Parse(json);
        var packages = new List<LockedPackage>();
        foreach (var entry in document.RootElement.GetProperty("packages").EnumerateArray())
        {
            var kind = Text(entry, "kind");
            var url = Text(entry, "url");
            var index = spec.Python!.Indexes.FirstOrDefault(i => i.Name == Text(entry, "index"));
            var package = new LockedPackage
            {
                Name = Text(entry, "name"),
                Version = Text(entry, "version"),
                Kind = kind,
                File = Text(entry, "file"),
                SourceFile = kind == "sdist" ? Path.GetFileName(Uri.UnescapeDataString(new Uri(url).AbsolutePath)) : "",
                Url = url,
                Index = index is null ? Text(entry, "index") == "pypi" ? "https://pypi.org/simple" : "" : index.Url,
                Sha256 = kind == "vcs" ? "" : Text(entry, "sha256"),
                Size = entry.GetProperty("size").GetInt64(),
                InstalledSize = entry.GetProperty("installedSize").GetInt64(),
                Requested = entry.GetProperty("requested").GetBoolean(),
                RequiresPython = Text(entry, "requiresPython"),
                Dependencies = [.. entry.GetProperty("dependencies").EnumerateArray().Select(d => d.GetString()!)],
                Commit = Text(entry, "commit"),
                Reference = Text(entry, "reference"),
                Subdirectory = Text(entry, "subdirectory"),
            };
            packages.Add(Localise(package, run, projectFolder, context));
        }
        var overlaps = document.RootElement.GetProperty("overlaps").EnumerateArray().Select(o => $"{Text(o, "first")} and {Text(o, "second")} both have {Text(o, "path")}, and not the same").ToList();
        return (packages, overlaps);
    }

    /// <summary>What apt would install: lines of <c>--print-uris</c>.</summary>
    public static IReadOnlyList<LockedDeb> ReadApt(string text)
    {
        var debs = new List<LockedDeb>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (AptUri().Match(line) is not { Success: true } match)
                continue;
            var parts = Path.GetFileNameWithoutExtension(match.Groups["file"].Value).Split('_');
            debs.Add(new LockedDeb(parts[0], parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "", match.Groups["url"].Value,
                match.Groups["hash"].Value.ToLowerInvariant(), long.Parse(match.Groups["size"].Value, System.Globalization.CultureInfo.InvariantCulture)));
        }
        return [.. debs.OrderBy(d => d.Name, StringComparer.Ordinal)];
    }

    private static LockedPackage Localise(LockedPackage package, RunSpec run, string projectFolder, string context)
    {
        if (!package.Url.StartsWith("file:", StringComparison.Ordinal))
            return package;
        var path = Uri.UnescapeDataString(new Uri(package.Url).AbsolutePath);
        string local;
        if (path.StartsWith(IndexRoot, StringComparison.Ordinal) && path[IndexRoot.Length..].Split('/', 2) is [var index, var file])
            local = Path.Combine(run.IndexFolders.First(i => i.Name == index).Value, file);
        else
            local = Path.Combine(context, path.StartsWith(ContextRoot, StringComparison.Ordinal) ? path[ContextRoot.Length..] : path);
        return package with { Url = "", Path = Path.GetRelativePath(projectFolder, local).Replace('\\', '/') };
    }

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    [GeneratedRegex(@"^'(?<url>[^']+)' (?<file>\S+) (?<size>[0-9]+) SHA256:(?<hash>[0-9a-fA-F]{64})", RegexOptions.CultureInvariant)]
    private static partial Regex AptUri();
}
