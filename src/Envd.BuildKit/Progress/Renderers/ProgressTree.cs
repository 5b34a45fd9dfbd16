using System.Globalization;
using System.Text;

namespace Envd.BuildKit.Progress.Renderers;

/// <summary>
/// What a terminal shows of a build at one moment: a head line, each step that runs with its time, its transfers and its last lines of output.
/// Holds no clock and writes nowhere, so that any state of it can be looked at.
/// </summary>
public sealed class ProgressTree
{
    private const int OutputLines = 4;

    private readonly SortedDictionary<int, Step> _running = [];
    private readonly HashSet<int> _seen = [];
    private int _done;
    private int _cached;

    /// <summary>Takes an event; returns the line that stays on the screen for good, or null.</summary>
    /// <param name="progress">The event.</param>
    /// <param name="now">The reader's clock: the engine's may differ.</param>
    public string? Apply(ProgressEvent progress, DateTimeOffset now)
    {
        _seen.Add(progress.Number);
        if (!_running.TryGetValue(progress.Number, out var step) && progress.Kind is ProgressKind.Started or ProgressKind.Log or ProgressKind.Transfer)
            _running[progress.Number] = step = new Step(progress.Name, now);
        switch (progress.Kind)
        {
            case ProgressKind.Log:
                step!.Output.Add(progress.Text ?? "");
                if (step.Output.Count > OutputLines)
                    step.Output.RemoveAt(0);
                return null;
            case ProgressKind.Transfer:
                if (progress is { Completed: not null } or { Total: > 0 } && progress.Current >= progress.Total)
                    step!.Transfers.Remove(progress.Text ?? "");
                else
                    step!.Transfers[progress.Text ?? ""] = (progress.Current, progress.Total);
                return null;
            case ProgressKind.Started:
                return null;
            case ProgressKind.Warning:
                return PlainProgress.Line(progress, withOutput: true);
            default:
                _running.Remove(progress.Number);
                _done++;
                if (progress.Kind == ProgressKind.Cached)
                    _cached++;
                return PlainProgress.Line(progress, withOutput: true);
        }
    }

    /// <summary>The lines of this moment, none wider than the terminal nor more than it has rows.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="now">The reader's clock.</param>
    /// <param name="elapsed">Since the build began.</param>
    public IReadOnlyList<string> Render(int width, int height, DateTimeOffset now, TimeSpan elapsed)
    {
        var lines = new List<string>
        {
            Fit(string.Create(CultureInfo.InvariantCulture, $"building {Time(elapsed)} · {_done} of {_seen.Count} steps · {_cached} cached"), "", width),
        };
        foreach (var (number, step) in _running)
        {
            lines.Add(Fit(string.Create(CultureInfo.InvariantCulture, $"[{number,2}] {step.Name}"), Time(now - step.Started), width));
            foreach (var (name, (current, total)) in step.Transfers.Take(OutputLines))
                lines.Add(Fit($"     {name}", total > 0 ? $"{Size(current)} of {Size(total)}" : Size(current), width));
            foreach (var text in step.Output)
                lines.Add(Fit("     | " + text, "", width));
        }
        // The rows of a small terminal go to the steps; the output of the oldest is what can be missed.
        for (var i = 1; lines.Count > Math.Max(1, height - 1) && i < lines.Count;)
        {
            if (lines[i].StartsWith("     ", StringComparison.Ordinal))
                lines.RemoveAt(i);
            else
                i++;
        }
        if (lines.Count > Math.Max(1, height - 1))
            lines.RemoveRange(Math.Max(1, height - 1), lines.Count - Math.Max(1, height - 1));
        return lines;
    }

    private static string Fit(string left, string right, int width)
    {
        left = Printable(left);
        // The last column stays empty: a full one makes some terminals wrap.
        var room = Math.Max(1, width - 1);
        if (right.Length > 0 && right.Length + 2 < room)
            return Cut(left, room - right.Length - 1).PadRight(room - right.Length) + right;
        return Cut(left, room);
    }

    private static string Cut(string text, int room) => text.Length <= room ? text : room > 1 ? text[..(room - 1)] + "…" : text[..room];

    // A step's output may hold escape sequences, tabs and bells, which would move the cursor under us.
    private static string Printable(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\u001b' && i + 1 < text.Length && text[i + 1] == '[')
            {
                i += 2;
                while (i < text.Length && text[i] is (>= '0' and <= '?') or (>= ' ' and <= '/'))
                    i++;
            }
            else if (text[i] == '\t')
            {
                result.Append("  ");
            }
            else if (!char.IsControl(text[i]))
            {
                result.Append(text[i]);
            }
        }
        return result.ToString();
    }

    private static string Time(TimeSpan time) => time.TotalSeconds < 60
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, time.TotalSeconds):0.0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds:00} s");

    private static string Size(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024:0.0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024 / 1024:0.00} GiB"),
    };

    private sealed class Step(string name, DateTimeOffset started)
    {
        public string Name { get; } = name;

        public DateTimeOffset Started { get; } = started;

        public List<string> Output { get; } = [];

        public SortedDictionary<string, (long Current, long Total)> Transfers { get; } = new(StringComparer.Ordinal);
    }
}
