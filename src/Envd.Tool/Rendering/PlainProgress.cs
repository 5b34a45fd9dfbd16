using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.BuildKit.Progress;
using Envd.Runtime.Images;
using Envd.Tool.Interaction;

namespace Envd.Tool.Rendering;

/// <summary>How progress is shown.</summary>
internal enum ProgressStyle
{
    /// <summary>Steps at a terminal, steps and their output elsewhere.</summary>
    Auto,

    /// <summary>Steps and their output.</summary>
    Plain,

    /// <summary>One JSON object a line, on standard output.</summary>
    Json,

    /// <summary>Nothing but errors.</summary>
    Quiet,
}

/// <summary>Shows a build as lines.</summary>
internal sealed class PlainProgress(IInteraction interaction, ProgressStyle style) : IBuildReporter
{
    public void Info(string text)
    {
        if (style != ProgressStyle.Quiet)
            interaction.Say(text);
    }

    public void Progress(ProgressEvent progress)
    {
        if (style == ProgressStyle.Quiet)
            return;
        if (style == ProgressStyle.Json)
            interaction.Data(JsonSerializer.Serialize(progress, ProgressJson.Default.ProgressEvent));
        else if (Line(progress, withOutput: style == ProgressStyle.Plain || !interaction.IsInteractive) is { } line)
            interaction.Say(line);
    }

    /// <summary>The line that shows an event; null where it is not worth one.</summary>
    internal static string? Line(ProgressEvent progress, bool withOutput)
    {
        var head = string.Create(CultureInfo.InvariantCulture, $"[{progress.Number,2}] ");
        return progress.Kind switch
        {
            ProgressKind.Started => head + progress.Name,
            ProgressKind.Cached => $"{head}{progress.Name} (cached)",
            ProgressKind.Completed => $"{head}{progress.Name} ({Seconds(progress)})",
            ProgressKind.Failed => $"{head}{progress.Name} failed",
            ProgressKind.Canceled => $"{head}{progress.Name} (given up)",
            ProgressKind.Log when withOutput => $"{head}| {progress.Text}",
            _ => null,
        };
    }

    private static string Seconds(ProgressEvent progress) =>
        progress is { Started: { } started, Completed: { } completed }
            ? string.Create(CultureInfo.InvariantCulture, $"{(completed - started).TotalSeconds:0.0} s") : "done";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(ProgressEvent))]
internal sealed partial class ProgressJson : JsonSerializerContext;
