using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

/// <summary>Locked Python packages: fetched by digest, installed bucket by bucket beside each other, laid over each other in the lock's order.</summary>
public sealed partial class Planner
{
    private const string WheelFolder = "/opt/envd-wheels";

    private readonly Dictionary<string, string> _lockedFolders = new(StringComparer.Ordinal);
    private IReadOnlyList<string> _pythonParts = [];

    /// <summary>What Python's packages add to the image of an engine that merges, bottom first; planned once.</summary>
    private IReadOnlyList<string> PythonLayers()
    {
        if (_pythonLayers is not null)
            return _pythonLayers;
        var root = PythonRoot();
        if (_spec.Python is not { } python || _spec.Lock?.Python is not { } held || _spec.PythonLayers == "single")
        {
            _python = PlanPythonPackages(root);
            return _pythonLayers = [_graph.Diff(root, _python, "what the Python packages add")];
        }
        var home = PlanVirtualEnvironment(root, python);
        var layers = new List<string>();
        foreach (var bucket in WheelLayout.Arrange(held.Packages, held.Large))
        {
            var title = bucket.Packages is [var only] ? $"{only.Name} {only.Version}" : Shorten([.. bucket.Packages.Select(p => p.Name)]);
            layers.Add(_graph.Diff(home, PlanWheels(home, "wheels:" + bucket.Name, $"Python: {title}", bucket.Packages), $"what {title} adds"));
        }
        _pythonParts = [home, .. layers];
        layers.Insert(0, _graph.Diff(root, home, "what the virtual environment adds"));
        if (python.Unisolated.Count + python.Projects.Count > 0)
        {
            _pythonLayers = layers;
            var installed = PythonState();
            _python = PlanOwnPackages(installed, python);
            layers.Add(_graph.Diff(installed, _python, "what the project's own packages add"));
        }
        return _pythonLayers = layers;
    }

    private string PlanVirtualEnvironment(string on, PythonSpec python) =>
        PipStep("pip", "make the virtual environment", on, "pip-install", [PythonHome, Interpreter, python.SystemSitePackages || python.Manager == "conda" ? "--system-site-packages" : "", "", "--"], [], "Language:python", network: "none");

    /// <summary>Installs locked packages into the virtual environment that is there.</summary>
    private string PlanWheels(string on, string id, string title, IReadOnlyList<LockedPackage> packages)
    {
        if (packages.Count == 0)
            return on;
        var python = _spec.Python!;
        var fetched = packages.Where(p => NeedsPip(python, p)).ToList();
        var fetch = fetched.Count == 0 ? "" : PipStep("fetch:" + id, "fetch " + Shorten([.. fetched.Select(p => p.Name)]), on, "wheel-fetch",
            [Interpreter, WheelFolder, .. TrustedHosts(python), "--", .. fetched.Select(p => $"{p.Name} @ {p.Url}#sha256={p.Sha256}")], [], "PythonPackage:*",
            fetched: [.. fetched.Select(p => new FetchedFile($"{WheelFolder}/{p.File}", p.Sha256))]);
        var binds = new List<GraphBind>();
        foreach (var package in packages)
        {
            if (package.Kind != "wheel")
                binds.Add(new GraphBind("/dev/shm/envd/built/" + package.Name, PlanBuiltWheel(on, python, package), WheelFolder));
            else
                binds.Add(WheelBind(package, fetched.Contains(package) ? fetch : ""));
        }
        return _graph.Add(id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.PipCommand("wheel-layer", [PythonHome, StepScripts.Resource("wheel-layer.py"), .. packages.SelectMany(p => new[] { p.Name, p.Version, p.Requested ? "requested" : "", p.Kind == "wheel" ? p.Sha256 : "" })]),
            Binds = binds,
            Network = "none",
        }, packages is [var only] && only.Requested ? "PythonPackage:" + only.Name : "PythonPackage:*");
    }

    private GraphBind WheelBind(LockedPackage package, string fetch)
    {
        var target = "/dev/shm/envd/wheels/" + package.File;
        if (fetch.Length > 0)
            return new GraphBind(target, fetch, $"{WheelFolder}/{package.File}");
        if (package.Folder.Length > 0)
            return new GraphBind(target, LockedFolder(package.Folder), "/" + package.File);
        if (package.Path.Length > 0)
            return new GraphBind(target, Context(), "/" + package.Path);
        if (!_files.TryGetValue(package.Url, out var node))
            _files[package.Url] = node = _graph.Add("wheel:" + package.Name, $"fetch {package.Name} {package.Version}", new DownloadOperation(package.Url, "sha256:" + package.Sha256, package.File), "PythonPackage:*");
        return new GraphBind(target, node, "/" + package.File);
    }

    /// <summary>Of a folder of this machine only what is locked is sent.</summary>
    private string LockedFolder(string index)
    {
        if (!_lockedFolders.TryGetValue(index, out var node))
            _lockedFolders[index] = node = _graph.Add("wheels-of:" + index, $"the wheels of {index}", new ContextOperation(RunSpec.ContextOf(_reference, index),
                [.. _spec.Lock!.Python!.Packages.Where(p => p.Folder == index).Select(FileOf).Order(StringComparer.Ordinal)]), "PythonIndex:" + index);
        return node;
    }

    private static string FileOf(LockedPackage package) => package.Kind == "wheel" ? package.File : package.SourceFile;

    private string PlanBuiltWheel(string on, PythonSpec python, LockedPackage package)
    {
        var id = "build:" + package.Name;
        if (_files.TryGetValue(id, out var node))
            return node;
        var binds = new List<GraphBind>();
        string requirement;
        if (package.Kind == "vcs")
            requirement = $"{package.Name} @ git+{package.Url}@{package.Commit}{(package.Subdirectory.Length > 0 ? "#subdirectory=" + package.Subdirectory : "")}";
        else if (package.Folder.Length > 0)
        {
            binds.Add(new GraphBind("/dev/shm/envd/source/" + package.SourceFile, LockedFolder(package.Folder), "/" + package.SourceFile));
            requirement = $"{package.Name} @ file:///dev/shm/envd/source/{Uri.EscapeDataString(package.SourceFile)}#sha256={package.Sha256}";
        }
        else
            requirement = $"{package.Name} @ {package.Url}#sha256={package.Sha256}";
        // What compiles needs what the project has of the distribution; the linear plan's chain has it already.
        return _files[id] = PipStep(id, $"build {package.Name} {package.Version}", _merge ? InterpreterOnSystem() : on, "wheel-build", [Interpreter, WheelFolder, .. IndexOptions(python), "--", requirement], binds, "PythonPackage:*");
    }

    /// <summary>What an engine cannot fetch by itself: it has neither the login nor the authority, and it verifies.</summary>
    private bool NeedsPip(PythonSpec python, LockedPackage package) =>
        package is { Kind: "wheel", Url.Length: > 0 }
        && (python.Indexes.Any(i => i.Url.Length > 0 && (i.Secret.Length > 0 || i.Trusted) && (i.Url == package.Index || new Uri(i.Url).Host == new Uri(package.Url).Host))
            || (Trusts(_spec) && package.Url.StartsWith("https:", StringComparison.Ordinal)));

    private static IEnumerable<string> TrustedHosts(PythonSpec python) =>
        python.Indexes.Select(TrustedHost).Where(h => h.Length > 0).Distinct(StringComparer.Ordinal).SelectMany(h => new[] { "--trusted-host", h });
}
