using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    // One cache per tool and platform for all projects of an engine: a package downloaded for one is there for the next.
    private GraphCache[] AptCaches =>
    [
        new("/var/cache/envd/apt", $"envd-apt-archives-{Architecture}", "locked"),
        new("/var/lib/apt/lists", $"envd-apt-lists-{Architecture}", "locked"),
    ];

    private GraphCache[] PipCaches => [new("/root/.cache/pip", $"envd-pip-{Architecture}", "shared")];

    private string Architecture => _spec.Platform.Split('/')[1];

    private string PlanPythonInterpreter(string on) =>
        _spec.Python is not { } python ? on
        : AptStep("python", "install Python, unless the base has it", on, "python-interpreter", [python.Version], "Language:python");

    /// <summary>One link of the chain for each language that the distribution has.</summary>
    private string PlanLanguages(string on)
    {
        foreach (var language in _spec.Languages)
        {
            string[] packages = language.Name switch
            {
                "go" => ["golang-go"],
                "java" => ["default-jdk-headless"],
                "nodejs" => ["nodejs"],
                "r" => ["r-base-core"],
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
        return packages.Count == 0 ? on
            : AptStep("services", "install what runs the services: " + string.Join(' ', packages), on, "apt-install", packages, "");
    }

    private string PlanAptPackages(string on)
    {
        if (_spec.AptPackages.Count == 0)
            return on;
        var arguments = _spec.AptPackages.Select(p => p.Version.Length > 0 ? $"{p.Name}={p.Version}" : p.Name).ToList();
        return AptStep("apt", "apt-get install " + Shorten(arguments), on, "apt-install", arguments, "AptPackage:" + _spec.AptPackages[0].Name);
    }

    private string AptStep(string id, string title, string on, string script, IEnumerable<string> arguments, string origin) =>
        _graph.Add(id, title, new RunOperation
        {
            On = on,
            Arguments = StepScripts.AptCommand(script, arguments),
            Network = _spec.BuildNetwork,
            Environment = CertificateVariables,
            Caches = AptCaches,
        }, origin);

    private string PlanPythonPackages(string on)
    {
        if (_spec.Python is not { } python)
            return on;
        var options = new List<string>();
        var logins = new List<string>();
        var binds = new List<GraphBind>();
        foreach (var index in python.Indexes)
        {
            var url = index.Url;
            if (url.Length == 0)
            {
                url = "/run/envd/index/" + index.Name;
                binds.Add(new GraphBind(url, _graph.Add("index:" + index.Name, $"the package index {index.Name}", new ContextOperation(RunSpec.ContextOf(_reference, index.Name), []),
                    "PythonIndex:" + index.Name), ""));
            }
            // Naming pypi replaces the default index; a flat one beside nothing else means that there is no other.
            if (index.Format == "flat")
                options.AddRange(index.Name == "pypi" ? ["--no-index", "--find-links", url] : ["--find-links", url]);
            else
                options.AddRange([index.Name == "pypi" ? "--index-url" : "--extra-index-url", url]);
            if (index.Secret.Length > 0)
                logins.AddRange([new Uri(index.Url).Host, index.UserName, index.Secret]);
            if (index.Trusted && Uri.TryCreate(index.Url, UriKind.Absolute, out var uri))
                options.AddRange(["--trusted-host", uri.Authority]);
        }
        foreach (var file in python.Files)
            options.AddRange([file.ConstraintsOnly ? "--constraint" : "--requirement", "/run/envd/context/" + file.Path]);
        binds.AddRange(python.FileClosure.Select(path => new GraphBind("/run/envd/context/" + path, Context(), "/" + path)));
        var count = python.Requirements.Count + python.Files.Count;
        return _graph.Add("pip", count == 0 ? "make the virtual environment" : "pip install " + Shorten([.. python.Files.Select(f => f.Path), .. python.Requirements]),
            new RunOperation
            {
                On = on,
                Arguments = StepScripts.Command("pip-install",
                    [PythonHome, python.SystemSitePackages ? "--system-site-packages" : "", count == 0 ? "" : "install",
                     (logins.Count / 3).ToString(System.Globalization.CultureInfo.InvariantCulture), .. logins, .. options, "--", .. python.Requirements]),
                Environment = CertificateVariables,
                Network = _spec.BuildNetwork,
                Binds = binds,
                Secrets = [.. python.Indexes.Where(i => i.Secret.Length > 0).Select(i => i.Secret).Distinct(StringComparer.Ordinal)],
                Caches = PipCaches,
            }, PythonOrigin(python));
    }

    // pip runs once for all of them: the first one declared stands for the step.
    private static string PythonOrigin(PythonSpec python) =>
        python.Requirements.Count > 0 ? "PythonPackage:*" : python.Files.Count > 0 ? "PythonRequirements:*" : "Language:python";

    private static string Shorten(IReadOnlyList<string> names) =>
        names.Count <= 6 ? string.Join(' ', names) : string.Join(' ', names.Take(5)) + $" and {names.Count - 5} more";
}
