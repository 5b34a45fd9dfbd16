using Envd.BuildKit.Progress;
using Envd.BuildKit.Progress.Renderers;
using Envd.Runtime.Images;
using Envd.Tool.Interaction;

namespace Envd.Tool.Rendering;

/// <summary>How progress is shown.</summary>
internal enum ProgressStyle
{
    /// <summary>A live tree at a terminal, lines elsewhere.</summary>
    Auto,

    /// <summary>Steps and their output as lines.</summary>
    Plain,

    /// <summary>One JSON object a line, on standard output.</summary>
    Json,

    /// <summary>Nothing but errors.</summary>
    Quiet,
}

/// <summary>Shows a build in the style that was asked for.</summary>
internal sealed class BuildReporter : IBuildReporter, IDisposable
{
    private readonly IInteraction _interaction;
    private readonly ProgressStyle _style;
    private readonly Lazy<TerminalProgress>? _tree;

    public BuildReporter(IInteraction interaction, ProgressStyle style)
    {
        _interaction = interaction;
        _style = style;
        // Only a build that has something to show starts the clock that redraws.
        if (style == ProgressStyle.Auto && interaction.Terminal is { } terminal)
            _tree = new Lazy<TerminalProgress>(() => new TerminalProgress(terminal));
    }

    public void Info(string text)
    {
        if (_style == ProgressStyle.Quiet)
            return;
        if (_tree is { IsValueCreated: true })
            _tree.Value.Clear();
        _interaction.Say(text);
    }

    public void Progress(ProgressEvent progress)
    {
        if (_style == ProgressStyle.Quiet)
            return;
        if (_tree is not null)
            _tree.Value.Report(progress);
        else if (_style == ProgressStyle.Json)
            _interaction.Data(JsonProgress.Line(progress));
        else if (PlainProgress.Line(progress, withOutput: true) is { } line)
            _interaction.Say(line);
    }

    public void Dispose()
    {
        if (_tree is { IsValueCreated: true })
            _tree.Value.Dispose();
    }
}
