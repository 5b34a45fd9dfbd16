using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    private const string DebFolder = "/opt/envd-debs";

    // One cache per tool and platform for all projects of an engine: a package downloaded for one is there for the next.
    private GraphCache[] AptCaches =>
    [
        new("/dev/shm/envd/cache/apt", $"envd-apt-archives-{Architecture}", "locked"),
        new("/var/lib/apt/lists", $"envd-apt-lists-{Architecture}", "locked"),
    ];

    private string Architecture => _spec.Platform.Split('/')[1];

    /// <summary>The steps of apt whose packages a lock can name.</summary>
    internal static IReadOnlyList<LockableAptStep> LockableAptSteps(EnvironmentSpec spec)
    {
        var planner = new Planner(spec with { Locks = [] }, merge: true, new GraphBuilder(), "");
        planner.PlanTree();
        return planner._aptSteps;
    }

    private string PlanPythonInterpreter(string on) =>
        _spec.Python is not { Manager: "" } python ? on
        : AptStep("python", "install Python, unless the base has it", on, "python-interpreter", [python.Version], "Language:python");

    /// <summary>One link of the chain for each language that the distribution has.</summary>
    private string PlanLanguages(string on)
    {
        foreach (var language in _spec.Languages.Where(l => !l.Download))
        {
            string[] packages = language.Name switch
            {
                "go" => ["golang-go"],
                "java" when language.Version.Length > 0 => [$"openjdk-{language.Version.Split('.')[0]}-jdk-headless"],
                "java" => ["default-jdk-headless"],
                "nodejs" => ["nodejs"],
                // Packages of CRAN are sources, most of which are compiled.
                "r" => [_spec.Packages.Any(p => p.Kind == "r") ? "r-base-dev" : "r-base-core"],
                _ => ["rustc", "cargo"],
            };
            on = AptStep(language.Name, $"install {language.Name}, unless the base has it", on, "language", [language.Name, language.Version, .. packages], "Language:" + language.Name);
        }
        return on;
    }

    /// <summary>What runs and serves the environment: the supervisor, ssh, sudo, and services that the distribution provides.</summary>
    private string PlanServicePackages(string on)
    {
        var packages = new SortedSet<string>(StringComparer.Ordinal);
        if (_spec.Supervisor == "s6")
            packages.UnionWith(["s6", "execline"]);
        if (_spec.Dev)
            packages.Add("sudo");
        if (_spec.Dev && _spec.Shell != "bash")
            packages.Add(_spec.Shell);
        foreach (var service in _spec.Services.Where(s => s.Provider == "system"))
            packages.UnionWith(service.Kind switch
            {
                "ssh" => ["openssh-server"],
                "jupyterlab" => ["jupyterlab", "python3-ipykernel"],
                "jupyter" => ["jupyter-notebook", "python3-ipykernel"],
                _ => Array.Empty<string>(),
            });
        if (packages.Count > 0)
            on = AptStep("services", "install what runs the services: " + string.Join(' ', packages), on, "apt-install", packages, "");
        foreach (var service in _spec.Services.Where(s => s.Kind == "rstudio").Take(1))
        {
            var (url, checksum, sums) = Tools.ToolCatalog.Tools["rstudio"].At("", Architecture);
            var (file, binds) = Download("rstudio", url, checksum, sums, "Service:" + service.Name);
            on = _graph.Add("rstudio", "install RStudio Server", new RunOperation
            {
                On = on,
                Arguments = StepScripts.AptCommand("rstudio", [file]),
                Network = _spec.BuildNetwork,
                Environment = CertificateVariables,
                Binds = binds,
                Caches = AptCaches,
            }, "Service:" + service.Name);
        }
        return on;
    }

    private string PlanAptPackages(string on)
    {
        var others = _spec.Packages.Where(p => p.Kind is "dnf" or "apk").ToList();
        if (others.Count > 0)
            return PlanSystemPackages("packages", "install packages of the base's distribution", on, others, Apt(_spec.AptPackages));
        return _spec.AptPackages.Count == 0 ? on
            : AptStep("apt", "apt-get install " + Shorten(Apt(_spec.AptPackages)), on, "apt-install", Apt(_spec.AptPackages), "AptPackage:" + _spec.AptPackages[0].Name);
    }

    private static List<string> Apt(IEnumerable<AptPackageSpec> packages) => [.. packages.Select(p => p.Version.Length > 0 ? $"{p.Name}={p.Version}" : p.Name)];

    /// <summary>Packages of several distributions: the base's own are installed.</summary>
    private string PlanSystemPackages(string id, string title, string on, IReadOnlyList<PackageSpec> others, List<string> apt)
    {
        // NEVRA of dnf joins by '-', apk by '='.
        var dnf = others.Where(p => p.Kind == "dnf").Select(p => p.Version.Length > 0 ? $"{p.Name}-{p.Version}" : p.Name).ToList();
        var apk = others.Where(p => p.Kind == "apk").Select(p => p.Version.Length > 0 ? $"{p.Name}={p.Version}" : p.Name).ToList();
        return _graph.Add(id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.AptCommand("packages", [Number(apt.Count), Number(dnf.Count), .. apt, .. dnf, .. apk]),
            Network = _spec.BuildNetwork,
            Environment = CertificateVariables,
            Caches = [.. AptCaches, new("/dev/shm/envd/cache/dnf", $"envd-dnf-{Architecture}", "locked"), new("/dev/shm/envd/cache/apk", $"envd-apk-{Architecture}", "locked")],
        }, dnf.Count > 0 ? "DnfPackage:*" : "ApkPackage:*");
    }

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A step of apt; where it runs on the environment's own base, a lock can say what it installs.</summary>
    private string AptStep(string id, string title, string on, string script, IEnumerable<string> arguments, string origin, bool lockable = true)
    {
        var words = arguments.ToList();
        var step = new LockableAptStep(id, script, words);
        if (lockable)
            _aptSteps.Add(step);
        if (lockable && _spec.Lock?.Apt.FirstOrDefault(g => g.Step == id) is { } group)
            return PlanLockedApt(step, title, on, group, origin);
        return _graph.Add(id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.AptCommand(script, words),
            Network = _spec.BuildNetwork,
            Environment = CertificateVariables,
            Caches = AptCaches,
        }, origin);
    }

    /// <summary>The packages of a lock, each fetched by its digest, installed with no network.</summary>
    private string PlanLockedApt(LockableAptStep step, string title, string on, LockedAptGroup group, string origin)
    {
        if (group.Debs.Count == 0)
            return on; // the base has all of it
        var binds = new List<GraphBind>();
        var fetched = group.Debs.Where(NeedsApt).ToList();
        var fetch = fetched.Count == 0 ? "" : _graph.Add("fetch:" + step.Id, "fetch " + Shorten([.. fetched.Select(d => d.Name)]), new RunOperation
        {
            On = _fetched,
            Arguments = StepScripts.AptCommand("apt-fetch", [DebFolder, .. fetched.SelectMany(d => new[] { d.Url, d.File, d.Sha256 })]),
            Network = _spec.BuildNetwork,
            Environment = CertificateVariables,
            Fetched = [.. fetched.Select(d => new FetchedFile($"{DebFolder}/{d.File}", d.Sha256))],
        }, origin);
        foreach (var deb in group.Debs)
        {
            if (fetched.Contains(deb))
            {
                binds.Add(new GraphBind("/dev/shm/envd/debs/" + deb.File, fetch, $"{DebFolder}/{deb.File}"));
                continue;
            }
            if (!_files.TryGetValue(deb.Url, out var node))
                _files[deb.Url] = node = _graph.Add("deb:" + deb.Name, $"fetch {deb.Name} {deb.Version}", new DownloadOperation(deb.Url, "sha256:" + deb.Sha256, deb.File), origin);
            binds.Add(new GraphBind("/dev/shm/envd/debs/" + deb.File, node, "/" + deb.File));
        }
        return _graph.Add(step.Id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.AptCommand("apt-locked", [string.Join(' ', step.Names)]),
            Binds = binds,
            Network = "none",
        }, origin);
    }

    /// <summary>What an engine cannot fetch by itself, since it lacks the project's authority.</summary>
    private bool NeedsApt(LockedDeb deb) => Trusts(_spec) && deb.Url.StartsWith("https:", StringComparison.Ordinal);

    private static string Shorten(IReadOnlyList<string> names) =>
        names.Count <= 6 ? string.Join(' ', names) : string.Join(' ', names.Take(5)) + $" and {names.Count - 5} more";
}
