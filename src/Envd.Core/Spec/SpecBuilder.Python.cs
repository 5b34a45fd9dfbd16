using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private PythonSpec? Python(IReadOnlyList<ServiceSpec> services, CondaSpec? conda, bool dev)
    {
        var language = PythonLanguage();
        var requirements = Requirements("", isolated: true);
        var unisolated = Requirements("", isolated: false);
        foreach (var service in services.Where(s => s.Provider == "pip"))
        {
            var package = service.Kind == "jupyter" ? "notebook" : service.Kind;
            requirements.TryAdd(package, new PythonRequirement(package));
        }
        var projects = PythonProjects(dev, out var dependencies);
        var wheels = Wheels();
        var files = RequirementsFileItems();
        var indexes = Indexes();
        var needsKernel = services.Any(s => s.Kind is "jupyterlab" or "jupyter");
        if (language is null && requirements.Count + unisolated.Count + files.Count + projects.Count + dependencies.Count + wheels.Count == 0 && !needsKernel
            && !Items("PythonPackage").Any(i => StageOf(i).Length > 0 && !IsPersonal(_model, i)))
            return null;
        return new PythonSpec
        {
            Manager = LanguageManager("python") switch { "uv" => "uv", var m when CondaManagers.Contains(m) && conda is not null => "conda", _ => "" },
            Version = language?["Version"] ?? "",
            SystemSitePackages = services.Any(s => s.Provider == "system" && s.Kind is "jupyterlab" or "jupyter"),
            OnSystem = Items("PythonPackage").Concat(Items("PythonRequirements")).Any(i => i["Stage"] == "system"),
            Requirements = [.. requirements.Values.Select(r => r.ToString()), .. dependencies],
            BuildEnvironment = PythonBuildEnvironment(),
            Unisolated = [.. unisolated.Values.Select(r => r.ToString())],
            Projects = projects,
            Wheels = wheels,
            Files = files,
            FileClosure = RequirementsFiles.Closure(_model.ContextDirectory, files.Select(f => f.Path),
                d => _diagnostics.Add(d.Position is null ? d with { Position = PositionOfRequirements(files, d) } : d)),
            Indexes = indexes,
        };
    }

    private SortedDictionary<string, PythonRequirement> Requirements(string stage, bool isolated)
    {
        var requirements = new SortedDictionary<string, PythonRequirement>(StringComparer.Ordinal);
        foreach (var item in ItemsOf("PythonPackage", stage))
            if (isolated == (item["BuildIsolation"] is not { Length: > 0 } || Flag(item, "BuildIsolation")))
                AddRequirement(requirements, item);
        return requirements;
    }

    /// <summary>Variables of all packages together: pip builds them in one run.</summary>
    private List<NamedValue> PythonBuildEnvironment()
    {
        var variables = new SortedDictionary<string, NamedValue>(StringComparer.Ordinal);
        foreach (var item in Items("PythonPackage"))
            foreach (var variable in Environment(item, "BuildEnvironment"))
                if (!variables.TryAdd(variable.Name, variable) && variables[variable.Name].Value != variable.Value)
                    Report(item, "BuildEnvironment", ErrorCodes.Contradiction, $"{variable.Name} is '{Printable(variables[variable.Name].Value)}' for one package and '{Printable(variable.Value)}' for another, and pip builds both in one run.", "Keep one of them.");
        return [.. variables.Values];
    }

    private List<string> StageRequirements(string stage) => [.. Requirements(stage, isolated: true).Values.Concat(Requirements(stage, isolated: false).Values).Select(r => r.ToString())];

    private List<string> Wheels()
    {
        var wheels = new List<string>();
        foreach (var item in Items("PythonWheel"))
        {
            if (ContextFile(item, "", item.Include) is not { } path || wheels.Contains(path))
                continue;
            // name-version(-build)-python-abi-platform.whl: the binary distribution format's own rule.
            if (!path.EndsWith(".whl", StringComparison.Ordinal) || Path.GetFileName(path).Split('-').Length is < 5 or > 6)
                Report(item, "", ErrorCodes.InvalidName, $"'{Printable(item.Include)}' has no wheel's name.", "Keep the name that it was built with, such as acme-1.0-py3-none-any.whl.");
            else
                wheels.Add(path);
        }
        return wheels;
    }

    private SourcePosition? PositionOfRequirements(IReadOnlyList<RequirementsFileSpec> files, Diagnostic diagnostic)
    {
        var path = files.FirstOrDefault(f => diagnostic.Message.Contains($"'{f.Path}'", StringComparison.Ordinal))?.Path;
        var item = Items("PythonRequirements").FirstOrDefault(i => ContextPath(i.Include) == path);
        return item is null ? null : _sources.Value.PositionOf(item);
    }

    private void AddRequirement(SortedDictionary<string, PythonRequirement> requirements, ProjectItem item)
    {
        if (!CheckStage(item) || !CheckPackageName(item, Names.IsPythonPackage, "a package's name (PEP 508): letters, digits, '.', '_' and '-'"))
            return;
        if (!VersionSpecifier.TryParse(item["Version"], out var specifier))
        {
            Report(item, "Version", ErrorCodes.InvalidValue, $"'{Printable(item["Version"])}' is no version.",
                "Write 2.8.0, 2.8.*, ~=2.8, [2.6,3) or a PEP 440 list such as &gt;=2.6,&lt;3.");
            return;
        }
        var extras = item.List("Extras");
        var marker = item["Marker"];
        var url = item.Address("Url");
        if (extras.Any(e => !Names.IsPythonPackage(e)))
            Report(item, "Extras", ErrorCodes.InvalidName, $"The extras '{Printable(string.Join(";", extras))}' are no names.");
        if (marker.AsSpan().IndexOfAny('\n', '\r') >= 0)
            Report(item, "Marker", ErrorCodes.InvalidValue, "A marker is one line (PEP 508).");
        if (url.Length > 0 && !(Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "https" or "http" && !url.Any(char.IsWhiteSpace)))
            Report(item, "Url", ErrorCodes.InvalidValue, $"'{Printable(url)}' is no address.", "Write an https:// address of a wheel or source archive.");
        if (url.Length > 0 && specifier.Length > 0)
            Report(item, "Url", ErrorCodes.MetadataConflict, $"PythonPackage '{item.Include}' has both Version and Url.", "Keep one of them.");
        var key = Names.NormalizePython(item.Include);
        // A bound that is itself a pre-release lets pip take such for this package alone (PEP 440, "Handling of pre-releases").
        if (Flag(item, "PreRelease") && url.Length == 0)
            specifier += specifier.Length > 0 ? ",>=0.dev0" : ">=0.dev0";
        var added = new PythonRequirement(key, [.. extras], specifier, marker, url);
        if (!requirements.TryGetValue(key, out var other))
            requirements[key] = added;
        else if (other.Contradicts(added))
            Report(item, "Version", ErrorCodes.Contradiction, $"PythonPackage '{item.Include}' is declared as '{other}' and as '{added}'.", "Keep one of them.");
        else
            requirements[key] = other.And(added);
    }

    private List<RequirementsFileSpec> RequirementsFileItems()
    {
        var files = new List<RequirementsFileSpec>();
        foreach (var item in Items("PythonRequirements"))
        {
            if (!CheckStage(item))
                continue;
            if (ContextPath(item.Include) is not { } path)
                Report(item, "", ErrorCodes.InvalidValue, $"The requirements file '{Printable(item.Include)}' lies outside of the project's folder.",
                    "Set EnvdContextDirectory to a folder that holds both.");
            else if (files.TrueForAll(f => f.Path != path))
                files.Add(new RequirementsFileSpec(path, Flag(item, "ConstraintsOnly")));
        }
        return files;
    }

    private List<PythonIndexSpec> Indexes()
    {
        var indexes = new List<PythonIndexSpec>();
        foreach (var item in Items("PythonIndex"))
        {
            var url = item.Address("Url");
            var format = item["Format"] is { Length: > 0 } f ? f.ToLowerInvariant() : "";
            if (!Names.IsIdentifier(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"PythonIndex '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            else if (url.Length == 0)
                Report(item, "Url", ErrorCodes.MetadataConflict, $"PythonIndex '{item.Include}' has no Url.", "Write the address of a PEP 503 index, or a folder of wheels.");
            else if (format is not ("" or "simple" or "flat"))
                Report(item, "Format", ErrorCodes.InvalidValue, $"Format of PythonIndex '{item.Include}' is '{format}'.", "Write simple or flat.");
            else if (Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")
                AddHttpIndex(indexes, item, url, uri, format);
            else if (url.Contains("://", StringComparison.Ordinal))
                Report(item, "Url", ErrorCodes.InvalidValue, $"'{Printable(url)}' is neither an http address nor a folder.", "Write https://… or a folder's path.");
            else if (!Directory.Exists(IndexFolder(url)) && _model.Property("EnvdFromBundle").Length == 0)
                Report(item, "Url", ErrorCodes.MissingFile, $"The folder '{Printable(url)}' of PythonIndex '{item.Include}' is not there.", "Write a folder of wheels, or an https:// address.");
            else
                indexes.Add(new PythonIndexSpec(item.Include, "", "flat", false, Packages: IndexPackages(item)));
        }
        return indexes;
    }

    /// <summary>The packages that come from an index and from no other; null is no such rule.</summary>
    private List<string>? IndexPackages(ProjectItem item)
    {
        var names = item.List("Packages");
        foreach (var name in names.Where(n => !Names.IsPythonPackage(n.Replace("*", "x", StringComparison.Ordinal))))
            Report(item, "Packages", ErrorCodes.InvalidName, $"Packages of PythonIndex '{item.Include}' holds '{Printable(name)}', which is no package.", "Write names with ';' between them; * stands for any text.");
        if (names.Count > 0 && item.Include == "pypi")
            Report(item, "Packages", ErrorCodes.MetadataConflict, "Packages belongs to an index beside the default one, and 'pypi' is the default one.", "Give the index a name of its own.");
        return names.Count > 0 ? [.. names.Select(n => n.ToLowerInvariant())] : null;
    }

    private void AddHttpIndex(List<PythonIndexSpec> indexes, ProjectItem item, string url, Uri uri, string format)
    {
        if (uri.UserInfo.Length > 0)
            Report(item, "Url", ErrorCodes.LiteralSecret, $"The Url of PythonIndex '{item.Include}' holds a user name or password.",
                "Write UserName=\"…\" and Secret=\"ID\", with <Secret Include=\"ID\" Source=\"env:NAME\" />.");
        else if (url.Any(char.IsWhiteSpace))
            Report(item, "Url", ErrorCodes.InvalidValue, $"'{Printable(url)}' is no address.");
        else if (item.List("Secret") is { Count: > 1 })
            Report(item, "Secret", ErrorCodes.InvalidValue, $"PythonIndex '{item.Include}' has more than one Secret.");
        else if (item["UserName"].Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c == '"'))
            Report(item, "UserName", ErrorCodes.InvalidValue, $"UserName of PythonIndex '{item.Include}' is '{Printable(item["UserName"])}'.", "Write a name without spaces and quotes.");
        else
            indexes.Add(new PythonIndexSpec(item.Include, url, format.Length > 0 ? format : "simple", Flag(item, "Trusted"),
                item["Secret"].Length == 0 ? "" : item["UserName"] is { Length: > 0 } user ? user : "__token__", UsedSecrets(item, "Secret").FirstOrDefault(""), IndexPackages(item)));
    }

    private string IndexFolder(string url) => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, url));

    /// <summary>The stage of the user's that an item is installed in; empty for the managed parts.</summary>
    private static string StageOf(ProjectItem item) => item["Stage"] is "system" ? "" : item["Stage"];

    private bool CheckStage(ProjectItem item)
    {
        var stage = item["Stage"];
        if (stage is "" or "system" || (stage == PersonalStage && IsPersonal(_model, item)) || (item.Type != "PythonRequirements" && Items("Stage").Any(s => s.Include == stage)))
            return true;
        Report(item, "Stage", ErrorCodes.UnknownStage, $"{item.Type} '{Printable(item.Include)}' names the stage '{Printable(stage)}'{(item.Type != "PythonRequirements" ? ", which nothing declares" : "")}.",
            NearestName.Suggest(stage, Items("Stage").Select(s => s.Include).Append("system")) is { Length: > 0 } near ? near : "Write system, or leave it out.");
        return false;
    }

    /// <summary>A path relative to the context with '/', or null where it leads out of it.</summary>
    private string? ContextPath(string path)
    {
        var full = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, path));
        var relative = Path.GetRelativePath(_model.ContextDirectory, full).Replace('\\', '/');
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? null : relative;
    }

    /// <summary>A requirement as PEP 508 writes it.</summary>
    private sealed record PythonRequirement(string Name, IReadOnlyList<string>? Extras = null, string Specifier = "", string Marker = "", string Url = "")
    {
        public bool Contradicts(PythonRequirement other) =>
            (Url.Length > 0 && other.Url.Length > 0 && Url != other.Url)
            || (Url.Length > 0 && other.Specifier.Length > 0) || (other.Url.Length > 0 && Specifier.Length > 0)
            || Marker != other.Marker
            || (IsExact(Specifier) && IsExact(other.Specifier) && Specifier != other.Specifier);

        public PythonRequirement And(PythonRequirement other) => this with
        {
            Extras = [.. (Extras ?? []).Concat(other.Extras ?? []).Distinct(StringComparer.OrdinalIgnoreCase)],
            Specifier = string.Join(',', new[] { Specifier, other.Specifier }.Where(s => s.Length > 0).Distinct()),
            Url = Url.Length > 0 ? Url : other.Url,
        };

        public override string ToString() =>
            Name + (Extras is { Count: > 0 } ? $"[{string.Join(',', Extras.Order(StringComparer.Ordinal))}]" : "")
            + (Url.Length > 0 ? $" @ {Url} " : Specifier)
            + (Marker.Length > 0 ? $"; {Marker}" : "");

        private static bool IsExact(string specifier) =>
            specifier.StartsWith("==", StringComparison.Ordinal) && !specifier.Contains('*', StringComparison.Ordinal) && !specifier.Contains(',', StringComparison.Ordinal);
    }
}
