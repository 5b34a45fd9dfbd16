using System.Text;
using Envd.Core.Graph;
using Envd.Llb;

namespace Envd.Core.Lowering;

/// <summary>Lowers a graph to LLB, one vertex a node.</summary>
public static class GraphLowering
{
    /// <summary>1980-01-01, the earliest time that zip archives, and so wheels, can hold.</summary>
    public const long Epoch = 315532800;

    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Lowers the graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="baseEnvironment">Variables of the base image, as <c>NAME=value</c>; steps see them.</param>
    /// <param name="contextKeys">For each folder of this machine, by name, a stable text by which the engine finds its last transfer.</param>
    public static MarshalledGraph Lower(EnvironmentGraph graph, IReadOnlyList<string>? baseEnvironment = null,
        IReadOnlyDictionary<string, string>? contextKeys = null)
    {
        var states = new Dictionary<string, State>(StringComparer.Ordinal) { [""] = State.Scratch };
        var platform = Platform.Parse(graph.Platform);
        foreach (var node in graph.Nodes)
        {
            var options = new VertexOptions { Name = node.Title, Origin = node.Origin };
            states[node.Id] = node.Operation switch
            {
                ImageOperation image => State.Image(image.Reference, platform, options),
                ContextOperation context => State.Local(context.Name, new LocalOptions
                {
                    IncludePatterns = context.Patterns,
                    SharedKeyHint = contextKeys?.GetValueOrDefault(context.Name) ?? context.Name,
                }, options),
                RunOperation run => states[run.On].Run(Exec(run, states, baseEnvironment ?? []), options),
                FilesOperation files => states[files.On].File([.. files.Actions.Select(a => Action(a, states))], options),
                MergeOperation merge => State.Merge(merge.Inputs.Select(i => states[i]), options),
                DiffOperation diff => State.Diff(states[diff.Lower], states[diff.Upper], options),
                _ => throw new ArgumentException($"Unknown operation in node '{node.Id}'.", nameof(graph)),
            };
        }
        return Marshaller.Marshal(states[graph.Result]);
    }

    private static ExecOptions Exec(RunOperation run, Dictionary<string, State> states, IReadOnlyList<string> baseEnvironment)
    {
        var environment = new List<KeyValuePair<string, string>>();
        foreach (var text in baseEnvironment.Concat(run.Environment))
        {
            var cut = text.IndexOf('=', StringComparison.Ordinal);
            if (cut <= 0)
                continue;
            environment.RemoveAll(e => e.Key == text[..cut]);
            environment.Add(new(text[..cut], text[(cut + 1)..]));
        }
        if (!environment.Exists(e => e.Key == "PATH"))
            environment.Insert(0, new("PATH", DefaultPath));
        return new ExecOptions
        {
            Arguments = run.Arguments,
            Environment = environment,
            WorkingDirectory = run.WorkingDirectory,
            User = run.User,
            Network = run.Network switch { "host" => NetworkMode.Host, "none" => NetworkMode.None, _ => NetworkMode.Default },
            Mounts =
            [
                .. run.Binds.Select(b => new BindMount(b.Target, states[b.From], b.Path)),
                .. run.Caches.Select(c => new CacheMount(c.Target, c.Id, c.Locked ? CacheSharing.Locked : CacheSharing.Shared)),
            ],
        };
    }

    private static FileAction Action(GraphFileAction action, Dictionary<string, State> states)
    {
        const long time = Epoch * 1_000_000_000;
        var mode = action.Mode.Length > 0 ? Convert.ToInt32(action.Mode, 8) : -1;
        if (action.From.Length > 0)
        {
            return new CopyAction(states[action.From], action.Source, action.Path)
            {
                ContentsOnly = action.ContentsOnly,
                AllowWildcard = action.Wildcard,
                IncludePatterns = action.Include,
                Mode = mode,
                Timestamp = time,
            };
        }
        return action.Text is null
            ? new MakeDirectoryAction(action.Path, mode) { Timestamp = time }
            : new MakeFileAction(action.Path, Encoding.UTF8.GetBytes(action.Text), mode) { Timestamp = time };
    }

}
