using System.Text.RegularExpressions;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;
using Envd.Core.Toml;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>What of a project is sent: all of it where it is copied; where it is imported from its mounted folder, what makes a build backend find its packages.</summary>
    private static IEnumerable<string> PythonProjectPatterns(PythonProjectSpec project)
    {
        var prefix = project.Path.Length == 0 ? "" : project.Path + "/";
        return (project.Editable ? EditablePatterns : ["**"]).Select(p => prefix + p);
    }

    private static readonly string[] EditablePatterns = ["pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "README*", "LICENSE*", "*.py", "**/__*__.py"];

    /// <summary>Projects to install, and the dependencies that they and scripts (PEP 723) declare.</summary>
    private List<PythonProjectSpec> PythonProjects(bool dev, out List<string> dependencies)
    {
        var projects = new List<PythonProjectSpec>();
        dependencies = [];
        foreach (var item in Items("PythonProject"))
        {
            if (ContextFile(item, "", item.Include) is not { } path || ReadPythonProject(item, path) is not { } document)
                continue;
            var script = path.EndsWith(".py", StringComparison.Ordinal);
            var project = script ? document : document.Table("project") ?? [];
            foreach (var text in project.Texts("dependencies").Concat(Chosen(item, "Extras", project.Table("optional-dependencies"))).Concat(Groups(item, document.Table("dependency-groups"))))
                if (text.Any(char.IsControl) || !RequirementStart().IsMatch(text))
                    Report(item, "", ErrorCodes.InvalidValue, $"'{Printable(text)}' in '{path}' is no requirement (PEP 508).");
                else if (!dependencies.Contains(text))
                    dependencies.Add(text);
            if (script || document.Table("build-system") is null)
                continue;
            var name = Names.NormalizePython(project.Text("name"));
            if (!Names.IsPythonPackage(name))
                Report(item, "", ErrorCodes.InvalidName, $"The project in '{path}' has no name.", "Write name = \"…\" under [project].");
            else
                projects.Add(new PythonProjectSpec(path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "", name, item.List("Extras"),
                    item["Editable"].Length > 0 ? Flag(item, "Editable") : dev));
        }
        return projects;
    }

    private TomlTable? ReadPythonProject(ProjectItem item, string path)
    {
        var text = File.ReadAllText(Path.Combine(_model.ContextDirectory, path));
        var first = 0;
        if (path.EndsWith(".py", StringComparison.Ordinal))
        {
            // Inline script metadata: a comment block between "# /// script" and "# ///".
            if (ScriptBlock().Match(text) is not { Success: true } block)
            {
                Report(item, "", ErrorCodes.InvalidValue, $"The script '{Printable(item.Include)}' has no metadata (PEP 723).", "Write '# /// script', '# dependencies = [\"…\"]' and '# ///' at its top.");
                return null;
            }
            first = text.AsSpan(0, block.Groups[1].Index).Count('\n');
            text = string.Join('\n', block.Groups[1].Value.Split('\n').Select(l => l.TrimEnd('\r')).Select(l => l.StartsWith("# ", StringComparison.Ordinal) ? l[2..] : l.TrimStart('#')));
        }
        else if (Path.GetFileName(path) != "pyproject.toml")
        {
            Report(item, "", ErrorCodes.InvalidName, $"'{Printable(item.Include)}' is neither a pyproject.toml nor a script.", "Name the pyproject.toml of the project, or a .py file with PEP 723 metadata.");
            return null;
        }
        try
        {
            return TomlDocument.Read(text);
        }
        catch (TomlException e)
        {
            _diagnostics.Error(ErrorCodes.InvalidValue, $"'{path}' is no TOML: {e.Message}.", "", new SourcePosition(Path.Combine(_model.ContextDirectory, path), first + e.Line, 1));
            return null;
        }
    }

    private IEnumerable<string> Chosen(ProjectItem item, string metadata, TomlTable? all)
    {
        foreach (var name in item.List(metadata))
        {
            if (all?.ContainsKey(name) is true)
                foreach (var text in all.Texts(name))
                    yield return text;
            else
                Report(item, metadata, ErrorCodes.UnknownKind, $"'{item.Include}' has no extra '{Printable(name)}'.", NearestName.Suggest(name, all?.Keys ?? Enumerable.Empty<string>()));
        }
    }

    /// <summary>Dependency groups (PEP 735), with those that they include.</summary>
    private List<string> Groups(ProjectItem item, TomlTable? all)
    {
        var result = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Queue<string>(item.List("DependencyGroups"));
        while (pending.TryDequeue(out var name))
        {
            var key = all?.Keys.FirstOrDefault(k => Names.NormalizePython(k) == Names.NormalizePython(name));
            if (key is null)
            {
                Report(item, "DependencyGroups", ErrorCodes.UnknownKind, $"'{item.Include}' has no dependency group '{Printable(name)}'.", NearestName.Suggest(name, all?.Keys ?? Enumerable.Empty<string>()));
                continue;
            }
            if (!seen.Add(key))
                continue;
            result.AddRange(all!.Texts(key));
            foreach (var included in all.List(key).OfType<TomlTable>())
                pending.Enqueue(included.Text("include-group"));
        }
        return result;
    }

    [GeneratedRegex(@"^# /// script\r?\n((?:#(?: [^\n]*)?\r?\n)*?)# ///\r?$", RegexOptions.CultureInvariant | RegexOptions.Multiline)]
    private static partial Regex ScriptBlock();

    [GeneratedRegex(@"^[A-Za-z0-9]", RegexOptions.CultureInvariant)]
    private static partial Regex RequirementStart();
}
