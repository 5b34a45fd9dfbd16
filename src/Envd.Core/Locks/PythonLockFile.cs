using System.Globalization;
using System.Text;
using Envd.Core.Toml;

namespace Envd.Core.Locks;

/// <summary>Writes and reads pylock.toml, the lock file of PEP 751 (https://packaging.python.org/en/latest/specifications/pylock-toml/).</summary>
/// <remarks>What envd alone needs stands in <c>tool.envd</c> tables, which other tools pass over.</remarks>
public static class PythonLockFile
{
    private const long Version = 1;

    /// <summary>The text for locks of several platforms of one environment.</summary>
    public static string Write(IReadOnlyList<EnvironmentLock> locks)
    {
        var platforms = locks.Where(l => l.Python is not null).OrderBy(l => l.Platform, StringComparer.Ordinal).ToList();
        var text = new StringBuilder();
        text.Append("# Made by `envd lock`. Commit it, and edit the project rather than this file.\n");
        text.Append("lock-version = \"1.0\"\n");
        text.Append("environments = [").AppendJoin(", ", platforms.Select(p => Quote($"sys_platform == 'linux' and {Marker(p.Platform)}"))).Append("]\n");
        text.Append("created-by = \"envd\"\n");
        foreach (var package in Entries(platforms))
            WritePackage(text, package.Packages, package.Marker);
        text.Append("\n[tool.envd]\nversion = ").Append(Version.ToString(CultureInfo.InvariantCulture)).Append('\n');
        foreach (var platform in platforms)
        {
            text.Append("\n[tool.envd.platforms.").Append(Quote(platform.Platform)).Append("]\n");
            WriteList(text, "inputs", platform.Python!.Inputs);
            WriteList(text, "large", platform.Python.Large);
        }
        return text.ToString();
    }

    /// <summary>Reads a lock: the part of each platform.</summary>
    /// <exception cref="LockFormatException">It is none that this version can use.</exception>
    public static IReadOnlyDictionary<string, PythonLock> Read(string text)
    {
        TomlTable document;
        try
        {
            document = TomlDocument.Read(text);
        }
        catch (TomlException e)
        {
            throw new LockFormatException($"it is no TOML: {e.Message}", e.Line, e);
        }
        var version = document.Text("lock-version");
        if (!version.StartsWith("1.", StringComparison.Ordinal))
            throw new LockFormatException(version.Length == 0 ? "it has no lock-version" : $"its lock-version is {version}, and this version of Envd reads 1.x", IsNewer: version.Length > 0);
        var own = document.Table("tool")?.Table("envd");
        if (own?.GetValueOrDefault("version") is long number && number > Version)
            throw new LockFormatException(string.Create(CultureInfo.InvariantCulture, $"tool.envd is of version {number}, and this version of Envd reads {Version}"), IsNewer: true);
        // Of another tool's lock only the versions count, until `envd lock` has adopted it.
        var packages = own is null ? [] : document.List("packages").OfType<TomlTable>().Select(ReadPackage).ToList();
        var result = new Dictionary<string, PythonLock>(StringComparer.Ordinal);
        foreach (var (platform, value) in own?.Table("platforms") ?? [])
        {
            if (value is not TomlTable table)
                continue;
            var chosen = packages.Where(p => p.Marker.Length == 0 || p.Marker == Marker(platform)).Select(p => Choose(p.Candidates, platform)).OfType<LockedPackage>().ToList();
            if (chosen.GroupBy(p => p.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new LockFormatException($"{twice.Key} is there twice for {platform}");
            result[platform] = new PythonLock { Inputs = table.Texts("inputs"), Large = table.Texts("large"), Packages = [.. chosen.OrderBy(p => p.Name, StringComparer.Ordinal)] };
        }
        return result;
    }

    /// <summary>The versions and digests of a lock that another tool has made, for a resolution that keeps to them; empty for one of our own.</summary>
    /// <exception cref="LockFormatException">It is none that this version can use.</exception>
    public static IReadOnlyList<ForeignPackage> ReadForeign(string text)
    {
        Read(text); // reports what is wrong with it
        var document = TomlDocument.Read(text);
        return document.Table("tool")?.Table("envd") is not null ? []
            : [.. document.List("packages").OfType<TomlTable>().Where(p => Spec.Names.IsPythonPackage(p.Text("name")) && IsVersion(p.Text("version")) && p.Table("directory") is null).Select(p => new ForeignPackage(Spec.Names.NormalizePython(p.Text("name")), p.Text("version"),
                [.. p.List("wheels").OfType<TomlTable>().Append(p.Table("sdist")).Append(p.Table("archive")).Select(f => f?.Table("hashes")?.Text("sha256") ?? "").Where(h => h.Length > 0)]))];
    }

    private static string Marker(string platform) => $"platform_machine == '{(platform.EndsWith("arm64", StringComparison.Ordinal) ? "aarch64" : "x86_64")}'";

    private static IEnumerable<(string Marker, IReadOnlyList<LockedPackage> Packages)> Entries(IReadOnlyList<EnvironmentLock> platforms)
    {
        var all = platforms.SelectMany(p => p.Python!.Packages.Select(package => (p.Platform, Package: package)));
        foreach (var name in all.GroupBy(p => p.Package.Name).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var parts = name.GroupBy(p => (p.Package.Version, p.Package.Kind, string.Join(' ', p.Package.Dependencies))).ToList();
            if (parts.Count == 1 && name.Count() == platforms.Count)
                yield return ("", [.. name.Select(p => p.Package).DistinctBy(p => p.File)]);
            else
                foreach (var (platform, package) in name)
                    yield return (Marker(platform), [package]);
        }
    }

    private static void WritePackage(StringBuilder text, IReadOnlyList<LockedPackage> packages, string marker)
    {
        var package = packages[0];
        text.Append("\n[[packages]]\n");
        Write(text, "name", package.Name);
        Write(text, "version", package.Version);
        Write(text, "marker", marker);
        Write(text, "requires-python", package.RequiresPython);
        if (package.Dependencies.Count > 0)
            text.Append("dependencies = [").AppendJoin(", ", package.Dependencies.Select(d => $"{{ name = {Quote(d)} }}")).Append("]\n");
        Write(text, "index", package.Index);
        switch (package.Kind)
        {
            case "vcs":
                text.Append("vcs = { type = \"git\", url = ").Append(Quote(package.Url)).Append(package.Reference.Length > 0 ? $", requested-revision = {Quote(package.Reference)}" : "")
                    .Append(", commit-id = ").Append(Quote(package.Commit)).Append(package.Subdirectory.Length > 0 ? $", subdirectory = {Quote(package.Subdirectory)}" : "").Append(" }\n");
                break;
            case "sdist":
                text.Append("sdist = ").Append(File(package, package.SourceFile)).Append('\n');
                break;
            default:
                text.Append("wheels = [\n");
                foreach (var wheel in packages.OrderBy(p => p.File, StringComparer.Ordinal))
                    text.Append("    ").Append(File(wheel, wheel.File)).Append(",\n");
                text.Append("]\n");
                break;
        }
        text.Append("\n[packages.tool.envd]\n");
        if (package.Kind != "wheel")
            Write(text, "wheel", package.File);
        text.Append("installed-size = ").Append(package.InstalledSize.ToString(CultureInfo.InvariantCulture)).Append('\n');
        if (package.Requested)
            text.Append("requested = true\n");
    }

    private static string File(LockedPackage package, string name) =>
        $"{{ name = {Quote(name)}, {(package.Url.Length > 0 ? $"url = {Quote(package.Url)}" : $"path = {Quote(package.Path)}")}"
        + (package.Kind == "wheel" ? string.Create(CultureInfo.InvariantCulture, $", size = {package.Size}") : "") + $", hashes = {{ sha256 = {Quote(package.Sha256)} }} }}";

    private static void Write(StringBuilder text, string key, string value)
    {
        if (value.Length > 0)
            text.Append(key).Append(" = ").Append(Quote(value)).Append('\n');
    }

    private static void WriteList(StringBuilder text, string key, IReadOnlyList<string> values)
    {
        text.Append(key).Append(" = [\n");
        foreach (var value in values)
            text.Append("    ").Append(Quote(value)).Append(",\n");
        text.Append("]\n");
    }

    private static string Quote(string value)
    {
        var text = new StringBuilder("\"");
        foreach (var c in value)
            text.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                _ when char.IsControl(c) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => c.ToString(),
            });
        return text.Append('"').ToString();
    }

    private static (string Marker, IReadOnlyList<LockedPackage> Candidates) ReadPackage(TomlTable package)
    {
        var own = package.Table("tool")?.Table("envd");
        var common = new LockedPackage
        {
            Name = Spec.Names.NormalizePython(package.Text("name")),
            Version = package.Text("version"),
            Kind = "wheel",
            File = own?.Text("wheel") ?? "",
            Index = package.Text("index"),
            RequiresPython = package.Text("requires-python"),
            Dependencies = [.. package.List("dependencies").OfType<TomlTable>().Select(d => Spec.Names.NormalizePython(d.Text("name")))],
            InstalledSize = own?.GetValueOrDefault("installed-size") as long? ?? 0,
            Requested = own?.GetValueOrDefault("requested") is true,
        };
        if (common.Name.Length == 0 || !Spec.Names.IsPythonPackage(common.Name))
            throw new LockFormatException($"it has a package whose name is '{package.Text("name")}'");
        // It becomes a line of a requirements file.
        if (!IsVersion(common.Version))
            throw new LockFormatException($"the version of {common.Name} is '{common.Version}'");
        if (package.Table("vcs") is { } vcs && !IsRepository(vcs))
            throw new LockFormatException($"{common.Name} comes from '{vcs.Text("type")}' at '{vcs.Text("url")}'; Envd reads git over http, https and ssh");
        if (package.Table("vcs") is { } repository)
            return (package.Text("marker"), [common with { Kind = "vcs", Url = repository.Text("url"), Commit = Hexadecimal(repository.Text("commit-id"), 40, common.Name), Reference = repository.Text("requested-revision"), Subdirectory = repository.Text("subdirectory") }]);
        if (package.List("wheels").Count == 0 && (package.Table("sdist") ?? package.Table("archive")) is { } source)
            return (package.Text("marker"), [ReadSource(common, source)]);
        var wheels = package.List("wheels").OfType<TomlTable>().Select(w => ReadFile(common with { File = WheelName(w, common.Name) }, w)).ToList();
        return wheels.Count > 0 ? (package.Text("marker"), wheels) : throw new LockFormatException($"{common.Name} has neither wheels nor a source");
    }

    private static bool IsVersion(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '!' or '+' or '_' or '-');

    private static bool IsRepository(TomlTable vcs) =>
        vcs.Text("type") == "git" && Uri.TryCreate(vcs.Text("url"), UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "ssh" && !vcs.Text("url").Any(char.IsWhiteSpace)
        && !vcs.Text("subdirectory").Any(c => char.IsWhiteSpace(c) || char.IsControl(c));

    private static LockedPackage ReadSource(LockedPackage package, TomlTable file)
    {
        var name = file.Text("name") is { Length: > 0 } given ? given : Path.GetFileName(file.Text("path") is { Length: > 0 } path ? path : file.Text("url"));
        return ReadFile(package with { Kind = "sdist", SourceFile = name.IndexOfAny(['/', '\\', '\0', '*', '?', '[']) < 0 && name.Length > 0 ? name : throw new LockFormatException($"the source of {package.Name} is named '{name}'") }, file);
    }

    private static LockedPackage ReadFile(LockedPackage package, TomlTable file)
    {
        var url = file.Text("url");
        if (url.Length > 0 && !(Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            throw new LockFormatException($"the address of {package.Name} is '{url}'");
        if (url.Length == 0 && file.Text("path").Length == 0)
            throw new LockFormatException($"{package.Name} has a file with neither url nor path");
        return package with { Url = url, Path = url.Length > 0 ? "" : file.Text("path"), Size = file.GetValueOrDefault("size") as long? ?? 0, Sha256 = Hexadecimal(file.Table("hashes")?.Text("sha256") ?? "", 64, package.Name) };
    }

    private static string WheelName(TomlTable wheel, string package)
    {
        var name = wheel.Text("name") is { Length: > 0 } given ? given
            : Path.GetFileName(wheel.Text("path") is { Length: > 0 } path ? path : Uri.TryCreate(wheel.Text("url"), UriKind.Absolute, out var uri) ? Uri.UnescapeDataString(uri.AbsolutePath) : "");
        return name.EndsWith(".whl", StringComparison.Ordinal) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+' or '!') ? name
            : throw new LockFormatException($"a wheel of {package} is named '{name}'");
    }

    private static string Hexadecimal(string text, int length, string package) =>
        text.Length == length && text.All(char.IsAsciiHexDigitLower) ? text : throw new LockFormatException($"{package} has no {(length == 64 ? "SHA-256" : "commit")}, or one that is none");

    private static LockedPackage? Choose(IReadOnlyList<LockedPackage> candidates, string platform)
    {
        var (own, other) = platform.EndsWith("arm64", StringComparison.Ordinal) ? ("aarch64", "x86_64") : ("x86_64", "aarch64");
        return candidates.FirstOrDefault(c => c.File.EndsWith(own + ".whl", StringComparison.Ordinal)) ?? candidates.FirstOrDefault(c => !c.File.EndsWith(other + ".whl", StringComparison.Ordinal));
    }
}

/// <summary>A package of a lock that another tool has made.</summary>
/// <param name="Name">Normalised.</param>
/// <param name="Version">Exact.</param>
/// <param name="Sha256">Of its files.</param>
public sealed record ForeignPackage(string Name, string Version, IReadOnlyList<string> Sha256);

/// <summary>A lock file is none, or one of a later version.</summary>
/// <param name="message">Why.</param>
/// <param name="line">Where, from 1; 0 where that is not known.</param>
/// <param name="inner">The cause.</param>
/// <param name="IsNewer">A later version made it.</param>
public sealed class LockFormatException(string message, int line = 0, Exception? inner = null, bool IsNewer = false) : Exception(message, inner)
{
    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>A later version of Envd, or of the format, made it.</summary>
    public bool IsNewer { get; } = IsNewer;
}
