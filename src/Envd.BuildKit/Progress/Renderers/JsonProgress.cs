using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.BuildKit.Progress.Renderers;

/// <summary>One JSON object a line and event, for programs; fields without a value are left out.</summary>
public sealed class JsonProgress(TextWriter writer) : IProgressRenderer
{
    /// <inheritdoc />
    public void Report(ProgressEvent progress) => writer.WriteLine(Line(progress));

    /// <inheritdoc />
    public void Dispose() => writer.Flush();

    /// <summary>The line of an event.</summary>
    public static string Line(ProgressEvent progress) => JsonSerializer.Serialize(progress, ProgressJson.Default.ProgressEvent);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(ProgressEvent))]
internal sealed partial class ProgressJson : JsonSerializerContext;
