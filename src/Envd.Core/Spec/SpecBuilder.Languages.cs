using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Languages that the distribution has, besides Python.</summary>
    internal static readonly string[] DistributionLanguages = ["go", "java", "nodejs", "r", "rust"];

    private static readonly string[] KnownLanguages = ["python", "dotnet", "julia", .. DistributionLanguages];

    /// <summary>All languages but Python, each once. One that conda manages is in its environment.</summary>
    private List<LanguageSpec> Languages()
    {
        var languages = new SortedDictionary<string, ProjectItem>(StringComparer.Ordinal);
        foreach (var item in Items("Language"))
        {
            var name = item.Include.ToLowerInvariant();
            if (!KnownLanguages.Contains(name))
                Report(item, "", ErrorCodes.UnknownKind, $"'{Printable(item.Include)}' is no language that Envd knows.", NearestName.Suggest(name, KnownLanguages));
            else if (!languages.TryAdd(name, item) && languages[name]["Version"] != item["Version"])
                Report(item, "Version", ErrorCodes.Contradiction, $"{name} is declared with the versions '{languages[name]["Version"]}' and '{item["Version"]}'.", "Keep one of them.");
            else
                CheckLanguage(item, name);
        }
        foreach (var (type, language) in new[] { ("NpmPackage", "nodejs"), ("RPackage", "r"), ("JuliaPackage", "julia") })
            if (!languages.ContainsKey(language) && Items(type).FirstOrDefault() is { } first)
                languages[language] = first with { Type = "Language", Include = language, EscapedMetadata = new Dictionary<string, string>() };
        return [.. languages.Where(l => l.Key != "python" && !CondaManagers.Contains(l.Value["Manager"])).Select(l => Language(l.Key, l.Value))];
    }

    private void CheckLanguage(ProjectItem item, string name)
    {
        var version = item["Version"];
        string[] managers = name switch { "python" => ["system", "uv", .. CondaManagers], "r" => ["system", "conda"], _ => ["system"] };
        if (item["Manager"] is { Length: > 0 } manager && !managers.Contains(manager))
            Report(item, "Manager", ErrorCodes.UnknownKind, $"'{Printable(manager)}' is no manager of {name}.",
                NearestName.Suggest(manager, managers) is { Length: > 0 } near ? near : $"Write {string.Join(", ", managers)}, or leave it out.");
        if (version.Length > 0 && !version.All(c => char.IsAsciiDigit(c) || c == '.'))
            Report(item, "Version", ErrorCodes.InvalidValue, $"'{Printable(version)}' is no version of a language.", "Write a prefix such as 3.12.");
        else if (name is "dotnet" or "julia" && version.Length > 0 && !IsRelease(version))
            Report(item, "Version", ErrorCodes.InvalidValue, $"'{version}' is no release of {name}.", $"Write all of it, such as {Tools.ToolCatalog.Tools[name].Version}.");
        var checksum = item["Checksum"];
        if (checksum.Length > 0 && !(checksum.StartsWith("sha256:", StringComparison.Ordinal) && checksum.Length == 71 && checksum[7..].All(char.IsAsciiHexDigitLower)))
            Report(item, "Checksum", ErrorCodes.InvalidValue, $"Checksum of Language '{name}' is none.", "Write sha256: and 64 hexadecimal digits.");
        else if (checksum.Length > 0 && !Language(name, item).Download)
            Report(item, "Checksum", ErrorCodes.MetadataConflict, $"Checksum of Language '{name}' belongs to a download, and this is the distribution's.", "Write a whole release in Version, or remove Checksum.");
    }

    /// <summary>A whole release comes from its publisher; a prefix, or none, from the base or its distribution.</summary>
    private static LanguageSpec Language(string name, ProjectItem item) =>
        new(name, item["Version"], item["Manager"] != "system" && (name is "dotnet" or "julia" || (name is "go" or "nodejs" or "rust" && IsRelease(item["Version"]))), item["Checksum"]);

    private static bool IsRelease(string version) => version.Count(c => c == '.') == 2 && !version.EndsWith('.');

    private ProjectItem? LanguageItem(string name) => Items("Language").FirstOrDefault(i => i.Include.Equals(name, StringComparison.OrdinalIgnoreCase));

    private string LanguageManager(string name) => LanguageItem(name)?["Manager"] ?? "";

    private ProjectItem? PythonLanguage() => LanguageItem("python");

    private List<NamedValue> Git()
    {
        var settings = new List<NamedValue>();
        foreach (var (property, name) in new[] { ("EnvdGitEditor", "core.editor"), ("EnvdGitUserEmail", "user.email"), ("EnvdGitUserName", "user.name") })
        {
            var value = _model.Property(property);
            if (value.Any(char.IsControl))
                Report(ErrorCodes.InvalidValue, $"{property} has more than one line.", "Write one line.");
            else if (value.Length > 0)
                settings.Add(new NamedValue(name, value));
        }
        return settings;
    }

    private List<RuntimeCommandSpec> RuntimeCommands()
    {
        var commands = new SortedDictionary<string, RuntimeCommandSpec>(StringComparer.Ordinal);
        foreach (var item in Items("RuntimeCommand"))
        {
            var words = Words(item, "Command");
            var directory = ServiceDirectory(item);
            if (!Names.IsIdentifier(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"RuntimeCommand '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            else if (words.Count == 0)
                Report(item, "Command", ErrorCodes.MetadataConflict, $"RuntimeCommand '{item.Include}' has no Command.", "Write the program and its arguments.");
            else if (!commands.TryAdd(item.Include, new RuntimeCommandSpec(item.Include, words, directory)))
                Report(item, "", ErrorCodes.Contradiction, $"There are two commands named '{item.Include}'.");
        }
        return [.. commands.Values];
    }
}
