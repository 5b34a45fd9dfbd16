using System.Text;

namespace Envd.BuildKit.Progress.Renderers;

/// <summary>
/// A live tree at a terminal: what is done scrolls up as lines, what runs is rewritten in place ten times a second. A terminal that was made
/// smaller has wrapped what was drawn; that is counted, so that nothing of it stays behind.
/// </summary>
public sealed class TerminalProgress : IProgressRenderer
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    private readonly TextWriter _writer;
    private readonly Func<(int Width, int Height)> _size;
    private readonly TimeProvider _clock;
    private readonly ProgressTree _tree = new();
    private readonly Lock _lock = new();
    private readonly long _began;
    private readonly ITimer _timer;
    private IReadOnlyList<string> _drawn = [];
    private bool _changed;

    /// <summary>Begins to draw.</summary>
    /// <param name="writer">The terminal.</param>
    /// <param name="size">Its columns and rows, asked before each drawing; null asks the console.</param>
    /// <param name="clock">The time; null is the machine's.</param>
    public TerminalProgress(TextWriter writer, Func<(int Width, int Height)>? size = null, TimeProvider? clock = null)
    {
        _writer = writer;
        _size = size ?? ConsoleSize;
        _clock = clock ?? TimeProvider.System;
        _began = _clock.GetTimestamp();
        _timer = _clock.CreateTimer(_ => Draw(), null, Pace, Pace);
    }

    /// <inheritdoc />
    public void Report(ProgressEvent progress)
    {
        lock (_lock)
        {
            _changed = true;
            if (_tree.Apply(progress, _clock.GetUtcNow()) is not { } line)
                return;
            var text = Erase();
            _drawn = [];
            _writer.Write(text.Append(line).Append('\n'));
        }
    }

    /// <summary>Takes away what is drawn, so that other lines can be written.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _writer.Write(Erase());
            _drawn = [];
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _timer.Dispose();
        Clear();
        _writer.Flush();
    }

    private void Draw()
    {
        lock (_lock)
        {
            if (!_changed)
                return;
            var (width, height) = _size();
            var lines = _tree.Render(width, height, _clock.GetUtcNow(), _clock.GetElapsedTime(_began));
            var text = Erase();
            foreach (var line in lines)
                text.Append(line).Append('\n');
            _drawn = lines;
            _writer.Write(text);
            _writer.Flush();
        }
    }

    /// <summary>Moves to the first line that was drawn and clears from there.</summary>
    private StringBuilder Erase()
    {
        if (_drawn.Count == 0)
            return new StringBuilder();
        var width = Math.Max(1, _size().Width);
        var rows = _drawn.Sum(l => Math.Max(1, (l.Length + width - 1) / width));
        return new StringBuilder($"\u001b[{rows}A\r\u001b[J");
    }

    private static (int Width, int Height) ConsoleSize()
    {
        try
        {
            return (Console.WindowWidth > 0 ? Console.WindowWidth : 80, Console.WindowHeight > 0 ? Console.WindowHeight : 24);
        }
        catch (IOException)
        {
            return (80, 24); // no terminal after all
        }
    }
}
