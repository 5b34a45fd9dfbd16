using System.Text;
using Envd.BuildKit.Protocol;

namespace Envd.BuildKit.Progress;

/// <summary>
/// Makes events out of the engine's status stream. One digest may start and complete several times (an image is resolved, pulled and unpacked
/// under one vertex), so what is kept is the earliest start and the latest end.
/// </summary>
internal sealed class ProgressTracker
{
    private const int TailLines = 30;

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly List<Entry> _order = [];
    private readonly List<string> _warnings = [];

    /// <summary>The step that failed by itself, not because another one did.</summary>
    public string? FirstFailure { get; private set; }

    /// <summary>What the engine or its frontend warned of.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    public IEnumerable<ProgressEvent> Apply(StatusResponse response)
    {
        // What a step wrote comes before its end, however the engine has put both into one message.
        var ends = new List<ProgressEvent>();
        foreach (var vertex in response.Vertexes)
        {
            foreach (var item in Apply(vertex))
            {
                if (item.Kind == ProgressKind.Started)
                    yield return item;
                else
                    ends.Add(item);
            }
        }
        foreach (var status in response.Statuses)
            if (_entries.TryGetValue(status.Vertex, out var entry))
                yield return Event(entry, ProgressKind.Transfer) with
                {
                    Text = status.Name.Length > 0 ? status.Name : status.Id,
                    Current = status.Current,
                    Total = status.Total,
                    Completed = status.Completed?.ToDateTimeOffset(),
                };
        foreach (var log in response.Logs)
            if (_entries.TryGetValue(log.Vertex, out var entry))
                foreach (var line in entry.Lines(log))
                    yield return Event(entry, ProgressKind.Log) with { Text = line, Stream = (int)log.Stream };
        foreach (var end in ends)
        {
            foreach (var (stream, line) in _entries[end.Vertex].Rest())
                yield return end with { Kind = ProgressKind.Log, Text = line, Stream = stream };
            yield return end;
        }
        foreach (var warning in response.Warnings)
        {
            var text = warning.Short.ToStringUtf8();
            _warnings.Add(text);
            if (_entries.TryGetValue(warning.Vertex, out var entry))
                yield return Event(entry, ProgressKind.Warning) with { Text = text };
        }
    }

    public IReadOnlyList<VertexSummary> Summaries() =>
        [.. _order.Select(e => new VertexSummary(e.Digest, e.Name, e.Cached, e.Started, e.Completed))];

    public string NameOf(string digest) => _entries.TryGetValue(digest, out var entry) ? entry.Name : "";

    public IReadOnlyList<string> LogTail(string digest) => _entries.TryGetValue(digest, out var entry) ? entry.Tail() : [];

    private IEnumerable<ProgressEvent> Apply(Vertex vertex)
    {
        if (!_entries.TryGetValue(vertex.Digest, out var entry))
        {
            entry = new Entry(vertex.Digest, vertex.Name, vertex.ProgressGroup?.Name ?? "", _order.Count + 1);
            _entries.Add(vertex.Digest, entry);
            _order.Add(entry);
        }
        var started = vertex.Started?.ToDateTimeOffset();
        var completed = vertex.Completed?.ToDateTimeOffset();
        if (vertex.Cached)
            entry.Cached = true;
        if (started is not null && (entry.Started is null || started < entry.Started))
        {
            var first = entry.Started is null;
            entry.Started = started;
            if (first && !vertex.Cached && completed is null)
            {
                entry.Announced = true;
                yield return Event(entry, ProgressKind.Started);
            }
        }
        if (vertex.Error.Length > 0)
        {
            entry.Completed = completed ?? entry.Completed;
            if (entry.Ended)
                yield break;
            entry.Ended = true;
            // "context canceled: context canceled" is what a step says that was stopped because another one failed.
            var cancelled = vertex.Error.Contains("context canceled", StringComparison.Ordinal);
            if (!cancelled)
                FirstFailure ??= vertex.Digest;
            yield return Event(entry, cancelled ? ProgressKind.Canceled : ProgressKind.Failed) with { Text = vertex.Error };
        }
        else if (completed is not null && (entry.Completed is null || completed > entry.Completed))
        {
            var again = entry.Completed is not null;
            entry.Completed = completed;
            if (!again || entry.Announced)
                yield return Event(entry, entry.Cached ? ProgressKind.Cached : ProgressKind.Completed);
            entry.Announced = false;
        }
    }

    private static ProgressEvent Event(Entry entry, ProgressKind kind) => new()
    {
        Kind = kind,
        Vertex = entry.Digest,
        Name = entry.Name,
        Group = entry.Group,
        Number = entry.Number,
        Started = entry.Started,
        Completed = entry.Completed,
    };

    private sealed class Entry(string digest, string name, string group, int number)
    {
        private readonly Queue<string> _tail = new();
        private readonly Dictionary<long, List<byte>> _unfinished = [];

        public string Digest { get; } = digest;

        public string Name { get; } = name;

        public string Group { get; } = group;

        public int Number { get; } = number;

        public bool Cached { get; set; }

        public bool Announced { get; set; }

        public bool Ended { get; set; }

        public DateTimeOffset? Started { get; set; }

        public DateTimeOffset? Completed { get; set; }

        /// <summary>The lines that a chunk of output completes; of text that a carriage return overwrites, only the last is kept.</summary>
        public IEnumerable<string> Lines(VertexLog log)
        {
            if (!_unfinished.TryGetValue(log.Stream, out var rest))
                _unfinished[log.Stream] = rest = [];
            foreach (var b in log.Msg)
            {
                if (b != '\n')
                {
                    rest.Add(b);
                    continue;
                }
                var line = Visible(rest);
                rest.Clear();
                Remember(line);
                yield return line;
            }
        }

        /// <summary>Lines that no newline has ended.</summary>
        public IReadOnlyList<(int Stream, string Line)> Rest()
        {
            var result = new List<(int, string)>();
            foreach (var (stream, rest) in _unfinished.Where(r => r.Value.Count > 0))
            {
                result.Add(((int)stream, Visible(rest)));
                Remember(Visible(rest));
                rest.Clear();
            }
            return result;
        }

        public IReadOnlyList<string> Tail()
        {
            Rest();
            return [.. _tail];
        }

        private void Remember(string line)
        {
            _tail.Enqueue(line);
            if (_tail.Count > TailLines)
                _tail.Dequeue();
        }

        private static string Visible(List<byte> bytes)
        {
            var text = Encoding.UTF8.GetString(bytes.ToArray()).TrimEnd('\r');
            return text[(text.LastIndexOf('\r') + 1)..];
        }
    }
}
