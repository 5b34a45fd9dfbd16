using Envd.Core.Diagnostics;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

/// <summary>
/// Plans a spec's graph. Where the engine merges, the parts run beside each other and their differences are laid over the system;
/// where it does not, the same steps run one upon the other, and the same files come out.
/// </summary>
/// <remarks>
/// All packages of apt are one chain in either plan: merging two branches would keep the package database of one of them.
/// Python's packages live in a tree of their own, so they run beside the chain, on its first link.
/// </remarks>
public sealed partial class Planner
{
    /// <summary>Where Python's packages live on every base.</summary>
    public const string PythonHome = "/opt/envd/python";

    private readonly EnvironmentSpec _spec;
    private readonly bool _merge;
    private readonly GraphBuilder _graph;
    private readonly string _reference;
    private readonly Dictionary<string, StageSpec> _byName;
    private readonly Dictionary<string, string> _references = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Node, string Root)> _stages = new(StringComparer.Ordinal);
    private string _base = "";
    private string _withPython = "";
    private string _fetched = "";
    private string _interpreter = "";
    private string _system = "";
    private string _python = "";
    private readonly Dictionary<string, string> _tools = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);
    private readonly List<LockableAptStep> _aptSteps = [];
    private IReadOnlyList<string>? _pythonLayers;
    private string? _interpreterOnSystem;
    private string? _context;

    private Planner(EnvironmentSpec spec, bool merge, GraphBuilder graph, string reference)
    {
        _spec = spec;
        _merge = merge;
        _graph = graph;
        _reference = reference;
        _byName = spec.Stages.ToDictionary(s => s.Name, StringComparer.Ordinal);
    }

    /// <summary>Plans the graph for an engine that merges, or for one that does not.</summary>
    /// <exception cref="EnvdException">The linear plan cannot do what a stage asks for.</exception>
    public static EnvironmentGraph Plan(EnvironmentSpec spec, bool merge) => new Planner(spec, merge, new GraphBuilder(), "").Plan();

    private EnvironmentGraph Plan()
    {
        var image = PlanTree();
        return new EnvironmentGraph
        {
            Plan = _merge ? "merge" : "linear",
            Platform = _spec.Platform,
            Result = image,
            Nodes = _graph.Nodes,
            Image = Settings(),
        };
    }

    /// <summary>The tree of a referenced environment, planned once.</summary>
    private string Reference(ReferenceSpec reference)
    {
        if (_references.TryGetValue(reference.Name, out var known))
            return known;
        var outer = _graph.Prefix;
        _graph.Prefix = $"{outer}{reference.Name}/";
        var node = new Planner(reference.Spec, _merge, _graph, $"{_reference}{reference.Name}-").PlanTree();
        _graph.Prefix = outer;
        return _references[reference.Name] = node;
    }

    private string PlanTree()
    {
        _base = _spec.Base is { } upon ? Reference(upon) : Image(_spec.BaseImage);
        _fetched = PlanSources(_base);
        _withPython = PlanPythonInterpreter(_fetched);
        _system = PlanAptPackages(PlanServicePackages(PlanLanguages(_withPython)));
        var image = _merge ? PlanMerged() : PlanLinear();
        foreach (var step in _spec.Steps)
            image = PlanStep("image", image, step);
        if (_spec.Personal is not { } personal)
            return image;
        image = PlanStagePackages(personal, image);
        foreach (var step in personal.Steps)
            image = PlanStep(personal.Name, image, step);
        return image;
    }

    private string PlanMerged()
    {
        var layers = new List<string> { _system };
        foreach (var (plan, title) in ToolParts())
            layers.Add(_graph.Diff(_fetched, plan(_fetched), title));
        // Packages of a language run on the system and on what was downloaded of it, not on each other.
        var equipped = LanguageParts().Any() ? _graph.Merge("equipped", layers, "the system and its languages") : _system;
        foreach (var (plan, title) in LanguageParts().ToList())
            layers.Add(_graph.Diff(equipped, plan(equipped), title));
        if (_spec.Conda is { } conda)
            layers.Add(_graph.Diff(_fetched, _interpreter = PlanConda(_fetched, conda), "what conda adds"));
        if (_spec.Python is { Manager: "uv" })
            layers.Add(_graph.Diff(_fetched, _interpreter = PlanUvPython(_fetched), "what uv's Python adds"));
        layers.AddRange(PythonLayers());
        foreach (var stage in _spec.Stages.Where(s => s.AddToImage))
        {
            var (node, from) = Stage(stage.Name);
            layers.Add(from.Length == 0 ? node : _graph.Diff(from, node, $"what the stage {stage.Name} adds"));
        }
        layers.Add(PlanServiceFiles(""));
        return _graph.Merge("image", layers, "lay the parts over each other");
    }

    /// <summary>What pip runs on: the interpreter alone, or the system where packages are compiled with it.</summary>
    private string PythonRoot() => _spec.Python switch
    {
        { OnSystem: true } => InterpreterOnSystem(),
        { Manager.Length: > 0 } => _interpreter,
        _ => _withPython,
    };

    /// <summary>The system with the interpreter, for what compiles; planned once.</summary>
    private string InterpreterOnSystem() => _spec.Python is { Manager: "" } ? _system
        : _interpreterOnSystem ??= _graph.Merge("python-system", [_system, _graph.Diff(_fetched, _interpreter, "what the interpreter adds")], "the system and the interpreter");

    private string PlanLinear()
    {
        // Stages that go into the image run on the chain itself, before Python, where the merge plan's have no Python either.
        foreach (var stage in _spec.Stages.Where(s => s.AddToImage))
        {
            if (stage.From == "scratch" && stage.Diff.Length == 0)
            {
                var tree = Stage(stage.Name).Node;
                if (tree.Length > 0)
                    _system = _graph.Add("add:" + stage.Name, $"add the stage {stage.Name}", new FilesOperation(_system,
                        [new GraphFileAction { Path = "/", From = tree, Source = "/", ContentsOnly = true }]));
                continue;
            }
            if (stage.Diff.Length > 0 || stage.Merge.Count > 0 || stage.From is not ("base" or "system"))
                throw new EnvdException(ErrorCodes.NeedsMerge,
                    $"The stage '{stage.Name}' {(stage.Diff.Length > 0 ? $"is a difference to '{stage.Diff}'" : $"starts from '{stage.From}'")} and is added to the image, which needs an engine with merge; this one has none.",
                    "Copy what is needed by a Step with FromStage, or turn on the engine's containerd image store.");
            _system = PlanStagePackages(stage, _system);
            foreach (var step in stage.Steps)
                _system = PlanStep(stage.Name, _system, step);
            _stages[stage.Name] = (_system, _system);
        }
        var on = _system;
        foreach (var (plan, _) in ToolParts().Concat(LanguageParts()).ToList())
            on = plan(on);
        if (_spec.Conda is { } conda)
            on = PlanConda(on, conda);
        if (_spec.Python is { Manager: "uv" })
            on = PlanUvPython(on);
        _python = PlanPythonPackages(on);
        return PlanServiceFiles(_python);
    }

    /// <summary>The node of a stage, and what it started from; both empty for an empty tree.</summary>
    private (string Node, string Root) Stage(string name)
    {
        if (_stages.TryGetValue(name, out var known))
            return known;
        // Ancestors first, by hand: stages may stand on each other a thousand deep.
        var pending = new Stack<StageSpec>();
        pending.Push(Find(name));
        while (pending.TryPeek(out var stage))
        {
            var missing = stage.Needs.FirstOrDefault(n => _byName.ContainsKey(n) && !_stages.ContainsKey(n));
            if (missing is not null)
            {
                pending.Push(Find(missing));
                continue;
            }
            pending.Pop();
            var (start, root) = Start(stage);
            var node = PlanStagePackages(stage, start);
            foreach (var step in stage.Steps)
                node = PlanStep(stage.Name, node, step, stage.Platform);
            _stages[stage.Name] = (node, root);
        }
        return _stages[name];
    }

    /// <summary>Packages that a stage asks for, before its steps: apt, then Python, then the others.</summary>
    private string PlanStagePackages(StageSpec stage, string on) =>
        PlanStageOthers(stage, PlanStagePython(stage, stage.AptPackages.Count == 0 ? on
            : AptStep("apt:" + stage.Name, $"{stage.Name}: apt-get install {Shorten(Apt(stage.AptPackages))}", on, "apt-install", Apt(stage.AptPackages), "AptPackage:" + stage.AptPackages[0].Name, IsOnBase(stage))));

    /// <summary>Does a stage stand on the environment's base, rather than on an image of its own?</summary>
    private bool IsOnBase(StageSpec stage)
    {
        for (var from = stage.From; ; from = _byName[from].From)
            if (!_byName.ContainsKey(from))
                return from is "base" or "system" or "python";
    }

    /// <summary>What a stage's steps begin with, and what of it is not the stage's own.</summary>
    private (string Start, string Root) Start(StageSpec stage)
    {
        var root = stage.Platform.Length > 0 && !_byName.ContainsKey(stage.From) && stage.From is not ("base" or "system" or "python" or "scratch")
            ? Image(Names.QualifyImage(stage.From), "Stage:" + stage.Name, stage.Platform) : Root(stage.From);
        var start = root;
        if (stage.Merge.Count > 0)
        {
            var layers = stage.Merge.Select(Root).Prepend(root).Where(l => l.Length > 0).ToList();
            start = _merge ? _graph.Merge("merge:" + stage.Name, layers, $"lay {string.Join(", ", stage.Merge)} over each other")
                : layers.Count == 1 ? layers[0]
                // Without merge the files of each are copied over those of the one before; deletions are not.
                : _graph.Add("merge:" + stage.Name, $"lay {string.Join(", ", stage.Merge)} over each other", new FilesOperation(layers[0],
                    [.. layers.Skip(1).Select(l => new GraphFileAction { Path = "/", From = l, Source = "/", ContentsOnly = true })]), "Stage:" + stage.Name);
        }
        if (stage.Diff.Length == 0)
            return (start, root);
        if (!_merge)
            throw new EnvdException(ErrorCodes.NeedsMerge, $"The stage '{stage.Name}' is a difference to '{stage.Diff}', which needs an engine with merge; this one has none.",
                "Copy what is needed by a Step with FromStage, or turn on the engine's containerd image store.");
        return (_graph.Diff(Root(stage.Diff), start, $"what {stage.Name} has beyond {stage.Diff}"), "");
    }

    private StageSpec Find(string name) => _byName[name];

    private string Root(string name) => name switch
    {
        "scratch" => "",
        "base" => _base,
        "system" => _system,
        "python" => PythonState(),
        _ when _stages.TryGetValue(name, out var stage) => stage.Node,
        _ when _byName.ContainsKey(name) => Stage(name).Node,
        _ when _spec.References.FirstOrDefault(r => r.Name == name) is { } reference => Reference(reference),
        _ => Image(Names.QualifyImage(name)),
    };

    private string PythonState()
    {
        if (_python.Length == 0 && !_merge)
            _python = PlanPythonPackages(_system);
        if (_merge)
            PythonLayers();
        if (_python.Length == 0)
            _python = _graph.Merge("python-packages", _pythonParts, "lay the Python packages over each other");
        return _python;
    }

    private string Context() => _context ??= _graph.Add("context", "the project's files", new ContextOperation(RunSpec.ContextOf(_reference), _spec.ContextPatterns));

    private ImageSettings Settings()
    {
        var environment = _spec.Environment.Select(v => $"{v.Name}={v.Value}").ToList();
        if (_spec.HasPython)
            environment.Add("VIRTUAL_ENV=" + PythonHome);
        environment.AddRange(ManagedVariables(_spec).Where(m => !_spec.Environment.Any(v => m.StartsWith(v.Name + "=", StringComparison.Ordinal))));
        environment.AddRange(CertificateVariables.Where(c => !_spec.Environment.Any(v => c.StartsWith(v.Name + "=", StringComparison.Ordinal))));
        if (_spec.Dev && !_spec.Environment.Any(v => v.Name == "LANG"))
            environment.Add("LANG=C.UTF-8");
        var supervised = _spec.Supervisor == "s6";
        var main = _spec.Services is [var only] ? only : null;
        var checkedService = _spec.Services.FirstOrDefault(s => s is { Main: true, HasHealthCheck: true });
        return new ImageSettings
        {
            Environment = environment,
            PathPrefix = [.. ManagedPaths(_spec)],
            PathEntries = [.. _spec.PathEntries.Select(p => new GraphPathEntry(p.Variable, p.Path, p.Append))],
            Entrypoint = supervised ? ["/usr/lib/envd/init"] : main is null ? null : main.Command,
            Command = supervised || main is not null ? [] : null,
            // What serves is no root unless it says so; the group is the one that may write to what is managed.
            User = supervised ? "0" : main is null ? "" : main.User.Length > 0 ? main.User : "1000:10000",
            HealthCheck = checkedService is null ? null : Services.ServiceFiles.HealthWords(checkedService),
            WorkingDirectory = _spec.WorkingDirectory,
            ExposedPorts = [.. _spec.Services.Where(s => s.Port > 0).Select(s => $"{s.Port}/tcp")
                .Concat(_spec.Ports.Select(p => $"{p.Number}/{p.Protocol}")).Distinct().Order(StringComparer.Ordinal)],
            Labels = [.. _spec.Labels.Select(l => $"{l.Name}={l.Value}"), $"dev.envd.name={_spec.Name}", $"dev.envd.user={_spec.User}",
                .. _spec.Shell == "bash" ? Array.Empty<string>() : ["dev.envd.shell=/usr/bin/" + _spec.Shell], .. _spec.Commands.Select(c => $"dev.envd.command.{c.Name}={CommandLabel.Write(c)}")],
        };
    }
}
