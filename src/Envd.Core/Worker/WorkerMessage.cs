using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Worker;

/// <summary>
/// A line that the worker writes for the task that started it: exactly one JSON object. The SDK brings both, so the protocol number differs
/// only where a person has mixed versions.
/// </summary>
public sealed record WorkerMessage
{
    /// <summary>The number that both sides must agree on.</summary>
    public const int Protocol = 1;

    /// <summary><c>hello</c>, <c>step</c>, <c>log</c>, <c>info</c>, <c>warning</c>, <c>error</c> or <c>result</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The protocol number, of a hello.</summary>
    public int Version { get; init; }

    /// <summary>The step's number.</summary>
    public int Number { get; init; }

    /// <summary>What people read.</summary>
    public string Text { get; init; } = "";

    /// <summary>The error's code.</summary>
    public string Code { get; init; } = "";

    /// <summary>The error's file, absolute; empty for none.</summary>
    public string File { get; init; } = "";

    /// <summary>From 1; 0 for none.</summary>
    public int Line { get; init; }

    /// <summary>From 1; 0 for none.</summary>
    public int Column { get; init; }

    /// <summary>The image's digest, of a result.</summary>
    public string Digest { get; init; } = "";

    /// <summary>The image's name, of a result.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The line.</summary>
    public string ToLine() => JsonSerializer.Serialize(this, WorkerJson.Default.WorkerMessage);

    /// <summary>Reads a line; null where it is none of the worker's.</summary>
    public static WorkerMessage? Read(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, WorkerJson.Default.WorkerMessage);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(WorkerMessage))]
internal sealed partial class WorkerJson : JsonSerializerContext;
