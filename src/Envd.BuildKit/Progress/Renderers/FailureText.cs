using System.Globalization;
using System.Text;
using Envd.BuildKit.Client;

namespace Envd.BuildKit.Progress.Renderers;

/// <summary>How a failed build ends: the step's last lines, its command, its exit code and where it was written down.</summary>
public static class FailureText
{
    private const int ShownLines = 12;

    /// <summary>The text, of several lines, without one at its end.</summary>
    public static string Of(SolveException e)
    {
        if (e.Step is not { } step)
            return e.Message;
        var text = new StringBuilder();
        foreach (var line in step.LogTail.TakeLast(ShownLines))
            text.Append("  | ").Append(line).Append('\n');
        text.Append('\'').Append(step.Name.Length > 0 ? step.Name : step.Digest).Append("' failed");
        if (step.ExitCode is { } code)
            text.Append(CultureInfo.InvariantCulture, $" with exit code {code}");
        else
            text.Append(": ").Append(e.Message);
        if (step.Places.Count > 0)
            text.Append("\n  at ").AppendJoin(", ", step.Places);
        if (step.Command.Length > 0)
            text.Append("\n  ran ").Append(step.Command.ReplaceLineEndings("\n      "));
        if (e.IsEngineDiskFull)
            text.Append("\n  The engine's disk is full: a prune of its cache frees some.");
        return text.ToString();
    }
}
