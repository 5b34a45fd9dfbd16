using System.Text.Json.Serialization;

namespace Envd.BuildKit.Progress;

/// <summary>What happened in a build.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ProgressKind>))]
public enum ProgressKind
{
    /// <summary>A step began to run.</summary>
    Started,

    /// <summary>A step is done.</summary>
    Completed,

    /// <summary>A step's result was in the engine's cache.</summary>
    Cached,

    /// <summary>A step failed.</summary>
    Failed,

    /// <summary>A step was given up because another one failed.</summary>
    Canceled,

    /// <summary>A line that a step wrote.</summary>
    Log,

    /// <summary>A part of a step, such as a layer that is pulled, got on or ended.</summary>
    Transfer,

    /// <summary>The engine or its frontend warns.</summary>
    Warning,
}

/// <summary>One event of a build; a JSON line holds exactly one.</summary>
public sealed record ProgressEvent
{
    /// <summary>What happened.</summary>
    public required ProgressKind Kind { get; init; }

    /// <summary>The step's digest.</summary>
    public required string Vertex { get; init; }

    /// <summary>The step's name.</summary>
    public required string Name { get; init; }

    /// <summary>What the step is a part of; empty where it is none.</summary>
    public string Group { get; init; } = "";

    /// <summary>The step's number in order of appearance, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>The engine's clock when the step started.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>The engine's clock when the step ended.</summary>
    public DateTimeOffset? Completed { get; init; }

    /// <summary>A line of output, the error of a failed step, or the name of what is transferred.</summary>
    public string? Text { get; init; }

    /// <summary>1 for standard output, 2 for standard error; 0 where it is no log line.</summary>
    public int Stream { get; init; }

    /// <summary>Bytes transferred so far.</summary>
    public long Current { get; init; }

    /// <summary>Bytes to transfer; 0 where that is not known.</summary>
    public long Total { get; init; }
}

/// <summary>A step when the build is over.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Name">Its name.</param>
/// <param name="Cached">Its result was there already.</param>
/// <param name="Started">The engine's clock; null where it never ran.</param>
/// <param name="Completed">The engine's clock; null where it never ended.</param>
public sealed record VertexSummary(string Digest, string Name, bool Cached, DateTimeOffset? Started, DateTimeOffset? Completed);
