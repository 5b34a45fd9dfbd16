using System.Text.Json;
using Envd.Core.Graph;
using Envd.Core.StateFiles;

namespace Envd.Core.Explain;

/// <summary>What a build was made of, as far as the next one needs it to say what has changed.</summary>
/// <param name="Graph">As solved.</param>
/// <param name="Inputs">inputs.json: a line for each file.</param>
/// <param name="BaseDigest">Of the base image; empty where the engine tells none.</param>
public sealed record BuiltFrom(EnvironmentGraph Graph, ReadOnlyMemory<byte> Inputs, string BaseDigest)
{
    /// <summary>Reads what the last build of an engine was made of; null where that is not known.</summary>
    public static BuiltFrom? Read(StateFolder state, string engineKey)
    {
        try
        {
            return AtomicFile.ReadOrNull(state.BuiltGraph(engineKey)) is { } graph && AtomicFile.ReadOrNull(state.BuiltInputs(engineKey)) is { } inputs
                ? new BuiltFrom(EnvironmentGraph.Read(graph), inputs, ImageRecord.Read(state.Image(engineKey))?.BaseDigest ?? "") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Keeps it for the next build.</summary>
    public void Write(StateFolder state, string engineKey)
    {
        AtomicFile.WriteIfDifferent(state.BuiltGraph(engineKey), Graph.ToBytes());
        AtomicFile.WriteIfDifferent(state.BuiltInputs(engineKey), Inputs.Span);
    }
}

/// <summary>Says why a step ran again: which item, file or digest changed.</summary>
public sealed class BuildComparison
{
    private const int Shown = 4;

    private readonly BuiltFrom? _before;
    private readonly BuiltFrom _now;
    private readonly Dictionary<string, GraphNode> _old;
    private readonly Dictionary<string, GraphNode> _nodes;
    private readonly HashSet<string> _ran;
    private readonly IReadOnlyList<string> _files;

    /// <summary>Compares two builds.</summary>
    /// <param name="before">The one before; null where there was none.</param>
    /// <param name="now">The one that is over.</param>
    /// <param name="ran">Titles of what ran.</param>
    public BuildComparison(BuiltFrom? before, BuiltFrom now, IEnumerable<string> ran)
    {
        _before = before;
        _now = now;
        _ran = ran.ToHashSet(StringComparer.Ordinal);
        _nodes = now.Graph.Nodes.ToDictionary(n => n.Id, StringComparer.Ordinal);
        _old = before?.Graph.Nodes.ToDictionary(n => n.Id, StringComparer.Ordinal) ?? [];
        _files = before is null ? [] : ChangedFiles(before.Inputs, now.Inputs);
    }

    /// <summary>Why the step with a title ran; empty for what runs in every build.</summary>
    public string Reason(string title)
    {
        var node = _now.Graph.Nodes.FirstOrDefault(n => n.Title == title);
        if (node is null or { Operation: ContextOperation or MergeOperation or DiffOperation or ImageOperation })
            return "";
        if (_before is null)
            return "nothing was built here before";
        if (!_old.TryGetValue(node.Id, out var old))
            return _old.Values.Any(o => o.Title == title) ? Inputs(node) : "it is new";
        var changes = Changes(old.Operation, node.Operation).ToList();
        // An engine looks at a download or a commit in every build, whether or not it has it.
        return changes.Count > 0 ? string.Join("; ", changes.Take(Shown)) : node.Operation is DownloadOperation or GitOperation ? "" : Inputs(node);
    }

    /// <summary>Is a reason only that something before ran?</summary>
    public static bool IsConsequence(string reason) => reason.StartsWith('\'') && reason.EndsWith("' ran", StringComparison.Ordinal);

    private string Inputs(GraphNode node)
    {
        var files = ContextPaths(node.Operation).SelectMany(p => _files.Where(f => Covers(p, f))).Distinct(StringComparer.Ordinal).ToList();
        if (files.Count > 0)
            return "changed: " + string.Join(", ", files.Take(Shown)) + (files.Count > Shown ? $" and {files.Count - Shown} more" : "");
        foreach (var input in node.Operation.TakesFrom)
            if (Cause(input, 0) is { } cause)
                return cause;
        return _before!.BaseDigest != _now.BaseDigest ? $"the base image was {Short(_before.BaseDigest)} and is {Short(_now.BaseDigest)}" : "the engine no longer had it";
    }

    /// <summary>What of an input is another: it ran, or was planned in another way.</summary>
    private string? Cause(string id, int depth)
    {
        if (depth > 64 || !_nodes.TryGetValue(id, out var node))
            return null;
        if (node.Operation is MergeOperation or DiffOperation)
            return node.Operation.TakesFrom.Select(i => Cause(i, depth + 1)).FirstOrDefault(c => c is not null);
        if (node.Operation is not (ContextOperation or ImageOperation) && _ran.Contains(node.Title))
            return $"'{node.Title}' ran";
        return _old.TryGetValue(id, out var old) && Changes(old.Operation, node.Operation).FirstOrDefault() is { } change ? $"{node.Title}: {change}" : null;
    }

    private static IEnumerable<string> Changes(GraphOperation before, GraphOperation now)
    {
        switch (before, now)
        {
            case (RunOperation a, RunOperation b):
                // The text of a script is the SDK's; what a project declares are its arguments.
                var (old, fresh) = (a.Arguments.Where(w => !w.Contains('\n')).ToList(), b.Arguments.Where(w => !w.Contains('\n')).ToList());
                foreach (var word in fresh.Except(old))
                    yield return "now with " + Printable(word);
                foreach (var word in old.Except(fresh))
                    yield return "no longer with " + Printable(word);
                if (old.SequenceEqual(fresh) && !a.Arguments.SequenceEqual(b.Arguments))
                    yield return "its text changed";
                foreach (var variable in b.Environment.Except(a.Environment).Concat(a.Environment.Except(b.Environment)).Select(v => v.Split('=')[0]).Distinct())
                    yield return $"the variable {variable} changed";
                foreach (var bind in b.Binds.Select(m => m.Target).Except(a.Binds.Select(m => m.Target)))
                    yield return "now reads " + Path.GetFileName(bind);
                foreach (var bind in a.Binds.Select(m => m.Target).Except(b.Binds.Select(m => m.Target)))
                    yield return "no longer reads " + Path.GetFileName(bind);
                if (a.User != b.User || a.Network != b.Network || a.WorkingDirectory != b.WorkingDirectory || a.Platform != b.Platform)
                    yield return "its user, network, folder or platform changed";
                break;
            case (FilesOperation a, FilesOperation b):
                var known = a.Actions.Select(Text).ToHashSet(StringComparer.Ordinal);
                foreach (var path in b.Actions.Where(x => !known.Contains(Text(x))).Select(x => x.Path).Distinct())
                    yield return "what is written to " + path + " changed";
                foreach (var path in a.Actions.Select(x => x.Path).Except(b.Actions.Select(x => x.Path)))
                    yield return path + " is no longer written";
                break;
            case (DownloadOperation a, DownloadOperation b) when a != b:
                yield return $"{b.Url} {b.Checksum} is wanted".Replace("  ", " ", StringComparison.Ordinal);
                break;
            case (GitOperation a, GitOperation b) when a != b:
                yield return $"{b.Remote} at {b.Reference} is wanted";
                break;
            case (ImageOperation a, ImageOperation b) when a != b:
                yield return $"the image is {b.Reference}";
                break;
            default:
                if (before.GetType() != now.GetType())
                    yield return "it is made in another way";
                break;
        }
    }

    // Records compare their lists by identity.
    private static string Text(GraphFileAction action) => $"{action with { Include = [] }} {string.Join('\0', action.Include)}";

    /// <summary>Paths as inputs.json has them: of the context plain, of an index with its name before.</summary>
    private IEnumerable<string> ContextPaths(GraphOperation operation)
    {
        var reads = operation switch
        {
            RunOperation run => run.Binds.Select(b => (b.From, b.Path)),
            FilesOperation files => files.Actions.Select(a => (a.From, Path: a.Source)),
            _ => [],
        };
        foreach (var (from, path) in reads)
            if (_nodes.TryGetValue(from, out var node) && node.Operation is ContextOperation context)
                yield return (context.Name == "context" ? "" : context.Name + ":") + path.Trim('/');
    }

    private static bool Covers(string path, string file) => path.Length == 0 || path.EndsWith(':') ? file.StartsWith(path, StringComparison.Ordinal) : file == path || file.StartsWith(path + "/", StringComparison.Ordinal);

    private static IReadOnlyList<string> ChangedFiles(ReadOnlyMemory<byte> before, ReadOnlyMemory<byte> now)
    {
        var (old, fresh) = (Lines(before), Lines(now));
        return [.. fresh.Where(f => !old.TryGetValue(f.Key, out var line) || line != f.Value).Select(f => f.Key).Concat(old.Keys.Where(k => !fresh.ContainsKey(k))).Order(StringComparer.Ordinal)];

        static Dictionary<string, string> Lines(ReadOnlyMemory<byte> json)
        {
            var result = new Dictionary<string, string>(StringComparer.Ordinal);
            using var document = JsonDocument.Parse(json);
            foreach (var line in document.RootElement.EnumerateArray())
                result[line[0].GetString()!] = line.GetRawText();
            return result;
        }
    }

    private static string Short(string digest) => digest.Length > 19 ? digest[..19] : digest.Length == 0 ? "unknown" : digest;

    private static string Printable(string word) => string.Concat((word.Length > 60 ? word[..60] + "…" : word.Length == 0 ? "''" : word).Select(c => char.IsControl(c) ? ' ' : c));
}
