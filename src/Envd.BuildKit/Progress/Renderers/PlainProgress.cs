using System.Globalization;

namespace Envd.BuildKit.Progress.Renderers;

/// <summary>One line for each step that begins or ends, and one for each line of output: for logs, and for terminals that cannot rewrite.</summary>
/// <param name="writer">Where lines go.</param>
/// <param name="withOutput">Shows what steps write.</param>
public sealed class PlainProgress(TextWriter writer, bool withOutput = true) : IProgressRenderer
{
    /// <inheritdoc />
    public void Report(ProgressEvent progress)
    {
        if (Line(progress, withOutput) is { } line)
            writer.WriteLine(line);
    }

    /// <inheritdoc />
    public void Dispose() => writer.Flush();

    /// <summary>The line that shows an event; null where it is not worth one.</summary>
    public static string? Line(ProgressEvent progress, bool withOutput)
    {
        var head = string.Create(CultureInfo.InvariantCulture, $"[{progress.Number,2}] ");
        return progress.Kind switch
        {
            ProgressKind.Started => head + progress.Name,
            ProgressKind.Cached => $"{head}{progress.Name} (cached)",
            ProgressKind.Completed => $"{head}{progress.Name} ({Duration(progress)})",
            ProgressKind.Failed => $"{head}{progress.Name} failed",
            ProgressKind.Canceled => $"{head}{progress.Name} (given up)",
            ProgressKind.Warning => $"{head}warning: {progress.Text}",
            ProgressKind.Log when withOutput => $"{head}{(progress.Stream == 2 ? "! " : "| ")}{progress.Text}",
            _ => null,
        };
    }

    private static string Duration(ProgressEvent progress) =>
        progress is { Started: { } started, Completed: { } completed }
            ? string.Create(CultureInfo.InvariantCulture, $"{(completed - started).TotalSeconds:0.0} s") : "done";
}
