using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    private const string MappedFolder = "/opt/envd-mapped";

    private GraphCache[] PipCaches => [new("/dev/shm/envd/cache/pip", $"envd-pip-{Architecture}", "shared")];

    /// <summary>The interpreter that the virtual environment is made with.</summary>
    private string Interpreter => _spec.Python?.Manager switch
    {
        "uv" => UvHome + "/bin/python3",
        "conda" => CondaHome(_spec.Conda!) + "/bin/python3",
        _ => "python3",
    };

    /// <summary>The virtual environment, all that goes into it, and then the project's own packages.</summary>
    private string PlanPythonPackages(string on)
    {
        if (_spec.Python is not { } python)
            return on;
        if (_spec.Lock?.Python is { } held)
            return PlanOwnPackages(PlanWheels(PlanVirtualEnvironment(on, python), "wheels", "install the locked Python packages", [.. WheelLayout.Arrange(held.Packages, held.Large).SelectMany(b => b.Packages)]), python);
        var requirements = python.Requirements.Select(r => (Text: r, Index: OnlyIndex(python, r))).ToList();
        var mapped = requirements.Where(r => r.Index is not null).ToList();
        var plain = requirements.Where(r => r.Index is null).Select(r => r.Text).ToList();
        var files = python.Files.SelectMany(f => new[] { f.ConstraintsOnly ? "--constraint" : "--requirement", "/dev/shm/envd/context/" + f.Path });
        var binds = python.FileClosure.Concat(python.Wheels).Select(path => new GraphBind("/dev/shm/envd/context/" + path, Context(), "/" + path)).ToList();
        if (mapped.Count > 0)
            binds.Add(new GraphBind("/dev/shm/envd/mapped", PlanMapped(on, python, mapped.Select(m => (m.Text, m.Index!))), MappedFolder));
        var wheels = python.Wheels.Select(w => "/dev/shm/envd/context/" + w);
        var count = python.Requirements.Count + python.Files.Count + python.Wheels.Count;
        on = PipStep("pip", count == 0 ? "make the virtual environment" : "pip install " + Shorten([.. python.Files.Select(f => f.Path), .. python.Wheels.Select(Path.GetFileName).OfType<string>(), .. python.Requirements]),
            on, "pip-install",
            [PythonHome, Interpreter, python.SystemSitePackages || python.Manager == "conda" ? "--system-site-packages" : "", count == 0 ? "" : "install", .. IndexOptions(python), .. files, "--", .. plain, .. wheels],
            binds, PythonOrigin(python));
        return PlanOwnPackages(on, python);
    }

    /// <summary>What is built with all that is installed: packages without build isolation, and the project's own.</summary>
    private string PlanOwnPackages(string on, PythonSpec python)
    {
        if (python.Unisolated.Count > 0)
            on = PipStep("pip-unisolated", "pip install --no-build-isolation " + Shorten(python.Unisolated), on, "pip-unisolated",
                [PythonHome, .. IndexOptions(python), "--", .. python.Unisolated], [], "PythonPackage:*");
        foreach (var project in python.Projects)
            on = PlanPythonProject(on, python, project);
        return on;
    }

    private string PlanPythonProject(string on, PythonSpec python, PythonProjectSpec project)
    {
        // What is imported from the mounted folder is installed from where that will be.
        var folder = project.Editable ? $"{_spec.WorkingDirectory.TrimEnd('/')}{(project.Path.Length > 0 ? "/" + project.Path : "")}" : "/tmp/envd-project";
        return PipStep("project:" + project.Name, $"install the project {project.Name}{(project.Editable ? " (imported from its folder)" : "")}", on, "pip-project",
            [PythonHome, "/dev/shm/envd/project", folder, project.Editable ? "editable" : "", project.Extras.Count > 0 ? $"[{string.Join(',', project.Extras)}]" : "", .. IndexOptions(python)],
            [new GraphBind("/dev/shm/envd/project", Context(), "/" + project.Path)], "PythonProject:*");
    }

    /// <summary>Python requirements of a stage of the user's, in a virtual environment of that stage's own.</summary>
    private string PlanStagePython(StageSpec stage, string on)
    {
        if (stage.PythonRequirements.Count == 0 || _spec.Python is not { } python)
            return on;
        on = AptStep($"python:{stage.Name}", $"{stage.Name}: install Python, unless it is there", on, "python-interpreter", [python.Manager.Length > 0 ? "" : python.Version], "Language:python", IsOnBase(stage));
        return PipStep($"pip:{stage.Name}", $"{stage.Name}: pip install " + Shorten(stage.PythonRequirements), on, "pip-install",
            [PythonHome, "python3", "", "install", .. IndexOptions(python), "--", .. stage.PythonRequirements], [], "PythonPackage:*");
    }

    private string PipStep(string id, string title, string on, string script, IEnumerable<string> arguments, IEnumerable<GraphBind> binds, string origin, string? network = null,
        IReadOnlyList<FetchedFile>? fetched = null)
    {
        var indexes = _spec.Python!.Indexes;
        var logins = indexes.Where(i => i.Secret.Length > 0).Select(i => $"{new Uri(i.Url).Host} {i.UserName} {i.Secret}").ToList();
        return _graph.Add(id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.PipCommand(script, arguments),
            Environment = [.. CertificateVariables, .. _spec.Python.BuildEnvironment.Select(v => $"{v.Name}={v.Value}"), .. logins.Count > 0 ? ["ENVD_PIP_LOGINS=" + string.Join('\n', logins)] : Array.Empty<string>()],
            Network = network ?? _spec.BuildNetwork,
            Binds = [.. network is null ? indexes.Where(i => i.Url.Length == 0).Select(IndexBind) : [], .. binds],
            Secrets = [.. indexes.Where(i => i.Secret.Length > 0).Select(i => i.Secret).Distinct(StringComparer.Ordinal)],
            Caches = PipCaches,
            Fetched = fetched,
        }, origin);
    }

    private GraphBind IndexBind(PythonIndexSpec index)
    {
        var id = "index:" + index.Name;
        if (!_indexes.TryGetValue(index.Name, out var node))
            _indexes[index.Name] = node = _graph.Add(id, $"the package index {index.Name}", new ContextOperation(RunSpec.ContextOf(_reference, index.Name), []), "PythonIndex:" + index.Name);
        return new GraphBind(Address(index), node, "");
    }

    private static string Address(PythonIndexSpec index) => index.Url.Length > 0 ? index.Url : "/dev/shm/envd/index/" + index.Name;

    private static string TrustedHost(PythonIndexSpec index) => index.Trusted && Uri.TryCreate(index.Url, UriKind.Absolute, out var uri) ? uri.Authority : "";

    /// <summary>The indexes of everything that no index has to itself.</summary>
    private static IEnumerable<string> IndexOptions(PythonSpec python)
    {
        foreach (var index in python.Indexes.Where(i => i.Packages is null))
        {
            // Naming pypi replaces the default index; a flat one beside nothing else means that there is no other.
            if (index.Format == "flat" && index.Name == "pypi")
                yield return "--no-index";
            yield return index.Format == "flat" ? "--find-links" : index.Name == "pypi" ? "--index-url" : "--extra-index-url";
            yield return Address(index);
            if (TrustedHost(index) is { Length: > 0 } host)
            {
                yield return "--trusted-host";
                yield return host;
            }
        }
    }

    /// <summary>The index that has a requirement's package to itself.</summary>
    private static PythonIndexSpec? OnlyIndex(PythonSpec python, string requirement)
    {
        if (requirement.Contains(" @ ", StringComparison.Ordinal))
            return null;
        var name = Names.NormalizePython(NameOf(requirement));
        return python.Indexes.FirstOrDefault(i => i.Packages?.Any(p => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(Names.NormalizePython(p), name, ignoreCase: false)) is true);
    }

    private static string NameOf(string requirement) => string.Concat(requirement.TakeWhile(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'));

    private string PlanMapped(string on, PythonSpec python, IEnumerable<(string Requirement, PythonIndexSpec Index)> mapped)
    {
        var arguments = new List<string> { Interpreter, MappedFolder };
        foreach (var (requirement, index) in mapped)
        {
            var name = NameOf(requirement);
            var rest = requirement[name.Length..];
            var extras = rest.StartsWith('[') ? rest[..(rest.IndexOf(']', StringComparison.Ordinal) + 1)] : "";
            arguments.AddRange([index.Format == "flat" ? "--find-links" : "--index-url", Address(index), TrustedHost(index), name + extras, requirement]);
        }
        return PipStep("pip-download", "fetch what comes from one index alone", on, "pip-download", arguments, [], "PythonIndex:" + python.Indexes.First(i => i.Packages is not null).Name);
    }

    // pip runs once for all of them: the first one declared stands for the step.
    private static string PythonOrigin(PythonSpec python) =>
        python.Requirements.Count > 0 ? "PythonPackage:*" : python.Files.Count > 0 ? "PythonRequirements:*" : "Language:python";
}
