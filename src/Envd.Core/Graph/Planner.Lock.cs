using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

/// <summary>The graph whose result says what a lock is to hold, worked out on the environment's own base.</summary>
public sealed partial class Planner
{
    private const string LockFolder = "/opt/envd-lock";

    private static readonly WantedJson WantedText = new(new JsonSerializerOptions(WantedJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Plans what resolves: <c>/apt/STEP/</c>, <c>/python/</c> and <c>/downloads/N/</c> of the result hold the answers.</summary>
    /// <param name="spec">The project, without locks.</param>
    /// <param name="merge">What the engine can do.</param>
    /// <param name="request">What is asked.</param>
    internal static LockPlan PlanLock(EnvironmentSpec spec, bool merge, LockRequest request)
    {
        var planner = new Planner(spec with { Locks = [], Personal = null }, merge, new GraphBuilder(), "");
        planner.PlanTree();
        return planner.PlanAnswers(request);
    }

    private LockPlan PlanAnswers(LockRequest request)
    {
        var pinned = _graph.Nodes.ToList();
        var actions = new List<GraphFileAction>();
        var answers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var step in _aptSteps.Where(s => request.AptSteps.Contains(s.Id)))
            Answer(_graph.Add("lock:" + step.Id, $"resolve what apt installs: {Shorten(step.Packages)}", new RunOperation
            {
                On = _fetched,
                Arguments = StepScripts.AptQuestion(step.Script, step.Arguments),
                Network = _spec.BuildNetwork,
                Environment = [.. CertificateVariables, "ENVD_APT_KEEP=" + string.Join('\n', request.KeptDebs)],
                Caches = AptCaches,
            }, "AptPackage:*"), "/apt/" + step.Id);
        if (request.Python && _spec.Python is { } python)
            Answer(PlanPythonLock(python, request), "/python");
        foreach (var (url, index) in request.Downloads.Select((u, i) => (u, i)))
            if (pinned.Find(n => n.Operation is DownloadOperation d && d.Url == url) is { Operation: DownloadOperation download } node)
                Answer(_graph.Add($"lock:download-{index}", "digest of " + download.FileName, new RunOperation
                {
                    On = _fetched,
                    Arguments = ["/bin/sh", "-euc", $"mkdir -p {LockFolder}; sha256sum <\"$1\" >{LockFolder}/sha256", "digest", "/dev/shm/envd/download/" + download.FileName],
                    Binds = [new GraphBind("/dev/shm/envd/download/" + download.FileName, node.Id, "/" + download.FileName)],
                    Network = "none",
                }, node.Origin), $"/downloads/{index}");
        var result = _graph.Add("lock", "what the lock is to hold", new FilesOperation("", [new() { Path = "/apt", Mode = "0755" }, new() { Path = "/downloads", Mode = "0755" }, .. actions]));
        return new LockPlan(new EnvironmentGraph { Plan = "lock", Platform = _spec.Platform, Result = result, Nodes = _graph.Nodes, Image = new ImageSettings() }, answers);

        void Answer(string node, string path)
        {
            answers.Add(node);
            actions.Add(new GraphFileAction { Path = path, From = node, Source = LockFolder, ContentsOnly = true });
        }
    }

    private string PlanPythonLock(PythonSpec python, LockRequest request)
    {
        var on = _merge ? PythonRoot()
            : python.Manager.Length == 0 ? python.OnSystem ? _system : _withPython
            : python.Manager == "uv" ? PlanUvPython(_fetched) : PlanConda(_fetched, _spec.Conda!);
        var binds = python.FileClosure.Concat(python.Wheels).Select(path => new GraphBind("/dev/shm/envd/context/" + path, Context(), "/" + path));
        var wanted = new WantedResolution
        {
            Requirements = python.Requirements,
            Files = [.. python.Files.Where(f => !f.ConstraintsOnly).Select(f => "/dev/shm/envd/context/" + f.Path)],
            Constraints = [.. python.Files.Where(f => f.ConstraintsOnly).Select(f => "/dev/shm/envd/context/" + f.Path)],
            Wheels = [.. python.Wheels.Select(w => "/dev/shm/envd/context/" + w)],
            Pins = request.PythonPins,
            Indexes = [.. LockIndexes(python).Select(i => new WantedIndex(i.Name, i.Url, i.Url.Length > 0 ? "" : Address(i), i.Format, i.Trusted, i.Packages ?? []))],
        };
        return PipStep("lock:python", "resolve the Python packages", on, "pip-lock",
            [Interpreter, python.SystemSitePackages || python.Manager == "conda" ? "--system-site-packages" : "", StepScripts.Resource("lock.py"), JsonSerializer.Serialize(wanted, WantedText.WantedResolution), LockFolder], binds, PythonOrigin(python));
    }

    /// <summary>Where names are looked for, in this order: what a project adds comes before the default index, which therefore cannot supply a name that is private.</summary>
    private static IEnumerable<PythonIndexSpec> LockIndexes(PythonSpec python) =>
        python.Indexes.Where(i => i.Name != "pypi").Append(python.Indexes.FirstOrDefault(i => i.Name == "pypi") ?? new PythonIndexSpec("pypi", "https://pypi.org/simple", "simple", false));
}

/// <summary>What a lock is to be made of.</summary>
internal sealed record LockRequest
{
    /// <summary>Python's packages are resolved.</summary>
    public bool Python { get; init; }

    /// <summary><c>name==version</c> of what is to stay, where that can be.</summary>
    public IReadOnlyList<string> PythonPins { get; init; } = [];

    /// <summary>Ids of the steps of apt that are resolved.</summary>
    public IReadOnlySet<string> AptSteps { get; init; } = new HashSet<string>();

    /// <summary><c>name version</c> of what is to stay, where that can be.</summary>
    public IReadOnlyList<string> KeptDebs { get; init; } = [];

    /// <summary>Addresses whose digests are wanted.</summary>
    public IReadOnlyList<string> Downloads { get; init; } = [];
}

/// <summary>A graph that answers a <see cref="LockRequest"/>.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Answers">Nodes that must run whatever an engine remembers of them.</param>
internal sealed record LockPlan(EnvironmentGraph Graph, IReadOnlySet<string> Answers);

/// <summary>What lock.py is told.</summary>
internal sealed record WantedResolution
{
    public IReadOnlyList<string> Requirements { get; init; } = [];

    public IReadOnlyList<string> Files { get; init; } = [];

    public IReadOnlyList<string> Constraints { get; init; } = [];

    public IReadOnlyList<string> Wheels { get; init; } = [];

    public IReadOnlyList<string> Pins { get; init; } = [];

    public IReadOnlyList<WantedIndex> Indexes { get; init; } = [];
}

/// <summary>An index as lock.py is told of it: an address or a folder.</summary>
internal sealed record WantedIndex(string Name, string Url, string Folder, string Format, bool Trusted, IReadOnlyList<string> Packages);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WantedResolution))]
internal sealed partial class WantedJson : JsonSerializerContext;
