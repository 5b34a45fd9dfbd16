using System.Text.RegularExpressions;
using Envd.Core.Diagnostics;

namespace Envd.Core.ProjectFile;

/// <summary>What only the text of a project file shows: items that MSBuild drops, attributes that it swallows, text that it expands.</summary>
public static partial class RawProjectChecks
{
    // Variables that a shell of the host sets: MSBuild makes properties of them, so $(PWD) is the host's folder.
    private static readonly HashSet<string> HostVariables = new(StringComparer.OrdinalIgnoreCase)
    {
        "PWD", "OLDPWD", "HOME", "USER", "LOGNAME", "HOSTNAME", "SHELL", "PATH", "TERM", "LANG", "UID", "TMPDIR", "SHLVL", "MAIL", "DISPLAY",
    };

    /// <summary>Checks the items of <paramref name="sources"/>; <paramref name="items"/> are the evaluated ones, to see what an expansion came to.</summary>
    public static void Check(ProjectSources sources, IReadOnlyList<ProjectItem> items, DiagnosticBag diagnostics)
    {
        foreach (var raw in sources.Items)
        {
            CheckInclude(raw, diagnostics);
            CheckMetadata(raw, diagnostics);
        }
        // An item is looked up from its evaluated side, so that each text is compared with what became of it.
        foreach (var item in items)
            if (sources.Find(item) is { } raw)
                foreach (var metadata in raw.Metadata.Where(m => ItemCatalog.ShellText.Contains(m.Name)))
                    CheckShellText(raw, metadata, item.ShellText(metadata.Name), diagnostics);
    }

    /// <summary>Checks a file by itself, as far as its text alone shows what is wrong: for the author of a module.</summary>
    public static void CheckFile(string file, DiagnosticBag diagnostics)
    {
        foreach (var raw in RawProject.Load(file).Items)
        {
            CheckInclude(raw, diagnostics);
            CheckMetadata(raw, diagnostics);
            foreach (var metadata in raw.Metadata.Where(m => ItemCatalog.ShellText.Contains(m.Name)))
                CheckShellText(raw, metadata, metadata.Value, diagnostics);
        }
    }

    private static void CheckInclude(RawItem raw, DiagnosticBag diagnostics)
    {
        if (!ItemCatalog.IncludeIsName(raw.Type))
            return;
        foreach (var part in raw.Include.Split(';').Select(p => p.Trim()))
        {
            if (part.AsSpan().IndexOfAny("*?") < 0)
                continue;
            var name = NameAtStart().Match(part).Value;
            var version = part[name.Length..].TrimStart('=', '~', '>', ' ');
            diagnostics.Error(ErrorCodes.GlobInInclude,
                $"Include=\"{part}\" is a file pattern to MSBuild: it matches no file, and the {raw.Type} vanishes without a word.",
                name.Length > 0 && version.Length > 0 && part.Contains('=', StringComparison.Ordinal)
                    ? $"Write Include=\"{name}\" Version=\"{version}\"."
                    : "Write the name without '*' and '?'.", raw.Position);
        }
    }

    private static void CheckMetadata(RawItem raw, DiagnosticBag diagnostics)
    {
        var known = ItemCatalog.Items[raw.Type];
        foreach (var metadata in raw.Metadata)
        {
            // Visual Studio writes Service items of its own, named by a GUID.
            if (raw.Type.Equals("Service", StringComparison.OrdinalIgnoreCase) && Guid.TryParse(raw.Include, out _))
                continue;
            if (metadata.IsAttribute && ItemCatalog.Swallowed.Contains(metadata.Name))
                diagnostics.Error(ErrorCodes.SwallowedAttribute,
                    $"MSBuild takes the attribute {metadata.Name} for itself; the {raw.Type} never sees it.",
                    "Remove it.", metadata.Position);
            else if (!known.Contains(metadata.Name))
                diagnostics.Error(ErrorCodes.UnknownMetadata, $"{raw.Type} has no metadata '{metadata.Name}'.",
                    NearestName.Suggest(metadata.Name, known) is { Length: > 0 } near ? near
                        : $"It has {string.Join(", ", known.Order(StringComparer.Ordinal))}.", metadata.Position);
        }
    }

    private static void CheckShellText(RawItem raw, RawMetadata metadata, string evaluated, DiagnosticBag diagnostics)
    {
        // An item made from other items reads their metadata, which is what %(Name) is for.
        var made = raw.Include.StartsWith("@(", StringComparison.Ordinal);
        foreach (var reference in ItemReference().Matches(metadata.Value).Where(r => !made || r.Value[0] == '@'))
            diagnostics.Error(ErrorCodes.ExpandedShellText,
                $"MSBuild expands {reference.Value} in {metadata.Name} before any shell sees it.",
                $"Write {(reference.Value[0] == '@' ? "%40" : "%25")}{reference.Value[1..]}, or put the text into a file and name it in Script.", metadata.Position);
        var values = Expansions(metadata.Value, evaluated);
        var index = 0;
        foreach (Match property in PropertyReference().Matches(metadata.Value))
        {
            var inside = property.Groups[1].Value;
            var value = values is not null && index < values.Count ? values[index] : null;
            index++;
            if (inside.StartsWith('['))
                continue; // a property function, which nobody writes by accident
            string? why = null;
            if (!PropertyName().IsMatch(inside))
                why = "is no property to MSBuild, and comes out as nothing";
            else if (HostVariables.Contains(inside))
                why = "is a variable of the machine that builds, not of the environment";
            else if (value is { Length: 0 })
                why = "is a property that is not set, and comes out as nothing";
            if (why is not null)
                diagnostics.Error(ErrorCodes.ExpandedShellText, $"$({inside}) in {metadata.Name} of {raw.Type} '{raw.Include}' {why}.",
                    $"For the shell's own substitution write %24({inside}) or `{inside}`, or put the text into a file and name it in Script.", metadata.Position);
        }
    }

    /// <summary>What each <c>$(…)</c> became: the literal text between them is matched against the evaluated text.</summary>
    private static IReadOnlyList<string>? Expansions(string raw, string evaluated)
    {
        var pattern = "^";
        var position = 0;
        foreach (Match property in PropertyReference().Matches(raw))
        {
            pattern += Regex.Escape(MSBuildText.UnescapeSpecial(raw[position..property.Index])) + "(.*?)";
            position = property.Index + property.Length;
        }
        if (position == 0)
            return null;
        pattern += Regex.Escape(MSBuildText.UnescapeSpecial(raw[position..])) + "$";
        var match = Regex.Match(evaluated, pattern, RegexOptions.Singleline, TimeSpan.FromSeconds(1));
        return match.Success ? [.. match.Groups.Values.Skip(1).Select(g => g.Value)] : null;
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]+", RegexOptions.CultureInvariant)]
    private static partial Regex NameAtStart();

    [GeneratedRegex(@"[@%]\([^)]*\)", RegexOptions.CultureInvariant)]
    private static partial Regex ItemReference();

    // The closing parenthesis may be missing or belong to $((1+2)): what matters is what MSBuild takes for the name.
    [GeneratedRegex(@"\$\((\[[^\]]*\][^)]*\(?[^)]*\)?|[^)]*)\)", RegexOptions.CultureInvariant)]
    private static partial Regex PropertyReference();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_.-]*$", RegexOptions.CultureInvariant)]
    private static partial Regex PropertyName();
}
