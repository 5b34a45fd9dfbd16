using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Languages that the distribution has, besides Python.</summary>
    internal static readonly string[] DistributionLanguages = ["go", "java", "nodejs", "r", "rust"];

    private static readonly string[] LaterLanguages = ["julia", "dotnet"];

    private static readonly string[] KnownLanguages = ["python", .. DistributionLanguages];

    /// <summary>All languages but Python, each once.</summary>
    private List<LanguageSpec> Languages()
    {
        var languages = new SortedDictionary<string, ProjectItem>(StringComparer.Ordinal);
        foreach (var item in Items("Language"))
        {
            var name = item.Include.ToLowerInvariant();
            var version = item["Version"];
            if (LaterLanguages.Contains(name))
                Report(item, "", ErrorCodes.UnknownKind, $"The language '{name}' is not available in this version of Envd.", "Take a base image that has it, or a Step that downloads it.");
            else if (!KnownLanguages.Contains(name))
                Report(item, "", ErrorCodes.UnknownKind, $"'{Printable(item.Include)}' is no language that Envd knows.", NearestName.Suggest(name, KnownLanguages.Concat(LaterLanguages)));
            else if (!languages.TryAdd(name, item) && languages[name]["Version"] != version)
                Report(item, "Version", ErrorCodes.Contradiction, $"{name} is declared with the versions '{languages[name]["Version"]}' and '{version}'.", "Keep one of them.");
            if (item["Manager"] is { Length: > 0 } manager && manager != "system")
                Report(item, "Manager", ErrorCodes.UnknownKind, $"The manager '{manager}' is not available in this version of Envd.", "Write Manager=\"system\", or leave it out.");
            if (version.Length > 0 && !version.All(c => char.IsAsciiDigit(c) || c == '.'))
                Report(item, "Version", ErrorCodes.InvalidValue, $"'{Printable(version)}' is no version of a language.", "Write a prefix such as 3.12.");
        }
        return [.. languages.Where(l => l.Key != "python").Select(l => new LanguageSpec(l.Key, l.Value["Version"]))];
    }

    private ProjectItem? PythonLanguage() => Items("Language").FirstOrDefault(i => i.Include.Equals("python", StringComparison.OrdinalIgnoreCase));

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
