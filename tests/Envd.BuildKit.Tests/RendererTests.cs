using System.Text;
using System.Text.Json;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Progress.Renderers;

namespace Envd.BuildKit.Tests;

[TestClass]
public sealed class RendererTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [TestMethod]
    public void Tree_ShowsWhatRunsWithTimesTransfersAndOutput()
    {
        var tree = new ProgressTree();
        Assert.IsNull(tree.Apply(Event(1, ProgressKind.Started), Start));
        tree.Apply(Event(2, ProgressKind.Started), Start.AddSeconds(1));
        tree.Apply(Event(1, ProgressKind.Transfer) with { Text = "sha256:abc", Current = 1_500_000, Total = 3_000_000 }, Start);
        tree.Apply(Event(2, ProgressKind.Log) with { Text = "Setting \u001b[31mup\u001b[0m\tpython3\a" }, Start);
        Assert.AreEqual("[ 3] step 3 (cached)", tree.Apply(Event(3, ProgressKind.Cached), Start));
        var lines = tree.Render(40, 20, Start.AddSeconds(75), TimeSpan.FromSeconds(75));
        Assert.AreEqual("""
            building 1 min 15 s · 1 of 3 steps · 1…
            [ 1] step 1                  1 min 15 s
                 sha256:abc      1.4 MiB of 2.9 MiB
            [ 2] step 2                  1 min 14 s
                 | Setting up  python3
            """, string.Join('\n', lines));
    }

    [TestMethod]
    public void Tree_InASmallTerminal_IsNeverWiderNorHigher()
    {
        var tree = new ProgressTree();
        for (var i = 1; i <= 30; i++)
        {
            tree.Apply(Event(i, ProgressKind.Started) with { Name = new string('ä', i * 5) }, Start);
            tree.Apply(Event(i, ProgressKind.Log) with { Text = new string('x', 200) }, Start);
        }
        for (var width = 1; width < 120; width += 7)
            for (var height = 1; height < 40; height += 3)
            {
                var lines = tree.Render(width, height, Start, TimeSpan.Zero);
                Assert.IsLessThanOrEqualTo(Math.Max(1, height - 1), lines.Count);
                Assert.IsTrue(lines.All(l => l.Length < Math.Max(2, width)), $"{width}x{height}");
            }
    }

    [TestMethod]
    public void Terminal_RewritesInPlaceAndSurvivesResizing()
    {
        var screen = new Screen(60, 12);
        var clock = new ManualClock();
        using (var terminal = new TerminalProgress(screen, () => (screen.Width, 12), clock))
        {
            terminal.Report(Event(1, ProgressKind.Started) with { Name = "a step with a rather long name that will be wrapped" });
            terminal.Report(Event(2, ProgressKind.Started));
            clock.Tick();
            clock.Tick();
            Assert.AreEqual(3, screen.Lines.Count(l => l.Length > 0), screen.ToString());
            screen.Resize(25);
            clock.Tick();
            screen.Resize(80);
            clock.Tick();
            Assert.AreEqual(1, screen.Lines.Count(l => l.StartsWith("building", StringComparison.Ordinal)), screen.ToString());
            Assert.AreEqual(1, screen.Lines.Count(l => l.Contains("step 2", StringComparison.Ordinal)), screen.ToString());
            terminal.Report(Event(2, ProgressKind.Completed) with { Started = Start, Completed = Start.AddSeconds(2.5) });
            clock.Tick();
            Assert.AreEqual("[ 2] step 2 (2.5 s)", screen.Lines[0]);
        }
        Assert.AreEqual("[ 2] step 2 (2.5 s)", string.Join("", screen.Lines));
    }

    [TestMethod]
    public void Json_IsOneObjectALineAndReadsBack()
    {
        var writer = new StringWriter();
        using (var renderer = new JsonProgress(writer))
        {
            renderer.Report(Event(1, ProgressKind.Log) with { Text = "line \"quoted\"\u2028", Stream = 2 });
            renderer.Report(Event(1, ProgressKind.Completed));
        }
        var lines = writer.ToString().Split(writer.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(2, lines);
        using var json = JsonDocument.Parse(lines[0]);
        Assert.AreEqual("Log", json.RootElement.GetProperty("kind").GetString());
        Assert.AreEqual("line \"quoted\"\u2028", json.RootElement.GetProperty("text").GetString());
        Assert.AreEqual(2, json.RootElement.GetProperty("stream").GetInt32());
    }

    [TestMethod]
    public void Plain_ShowsStreamsAndEnds()
    {
        var writer = new StringWriter { NewLine = "\n" };
        using (var renderer = new PlainProgress(writer))
        {
            renderer.Report(Event(1, ProgressKind.Started));
            renderer.Report(Event(1, ProgressKind.Log) with { Text = "out", Stream = 1 });
            renderer.Report(Event(1, ProgressKind.Log) with { Text = "err", Stream = 2 });
            renderer.Report(Event(1, ProgressKind.Failed));
        }
        Assert.AreEqual("[ 1] step 1\n[ 1] | out\n[ 1] ! err\n[ 1] step 1 failed\n", writer.ToString());
    }

    private static ProgressEvent Event(int number, ProgressKind kind) => new() { Kind = kind, Vertex = "sha256:" + number, Name = "step " + number, Number = number };

    /// <summary>A terminal's screen: text, carriage return, line feed, cursor up, clear to the end; what is wider wraps, and wraps anew when resized.</summary>
    private sealed class Screen(int width, int height) : StringWriter
    {
        private readonly List<StringBuilder> _rows = [new()];
        private int _row;
        private int _column;

        public int Width { get; private set; } = width;

        public IReadOnlyList<string> Lines => [.. _rows.Select(r => r.ToString().TrimEnd())];

        public void Resize(int width)
        {
            // As terminals do: a row that is now too long becomes several.
            for (var i = 0; i < _rows.Count; i++)
            {
                if (_rows[i].Length <= width)
                    continue;
                _rows.Insert(i + 1, new StringBuilder(_rows[i].ToString(width, _rows[i].Length - width)));
                _rows[i].Length = width;
                if (_row > i)
                    _row++;
            }
            Width = width;
            Assert.IsLessThanOrEqualTo(height * 10, _rows.Count);
        }

        public override void Write(StringBuilder? value) => Write(value?.ToString());

        public override void Write(string? value)
        {
            for (var i = 0; i < value?.Length; i++)
            {
                if (value[i] == '\u001b')
                {
                    var end = value.IndexOfAny(['A', 'J'], i);
                    var number = value[(i + 2)..end];
                    if (value[end] == 'A')
                        _row = Math.Max(0, _row - int.Parse(number, System.Globalization.CultureInfo.InvariantCulture));
                    else
                        Clear();
                    i = end;
                }
                else if (value[i] == '\n')
                {
                    _row++;
                    _column = 0;
                    if (_row == _rows.Count)
                        _rows.Add(new());
                }
                else if (value[i] == '\r')
                {
                    _column = 0;
                }
                else
                {
                    Assert.IsLessThan(Width, _column, "the line is wider than the terminal");
                    _rows[_row].Length = Math.Max(_rows[_row].Length, _column + 1);
                    _rows[_row][_column++] = value[i];
                }
            }
        }

        public override string ToString() => string.Join('\n', Lines);

        private void Clear()
        {
            _rows[_row].Length = _column;
            _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
        }
    }

    private sealed class ManualClock : TimeProvider
    {
        private TimerCallback? _callback;
        private object? _state;
        private long _now;

        public override long GetTimestamp() => _now;

        public override DateTimeOffset GetUtcNow() => Start.AddTicks(_now);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Tick()
        {
            _now += TimeSpan.TicksPerSecond / 10;
            _callback!(_state);
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _callback = callback;
            _state = state;
            return new Nothing();
        }

        private sealed class Nothing : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
