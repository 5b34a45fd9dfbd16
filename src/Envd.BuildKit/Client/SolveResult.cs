using Envd.BuildKit.Progress;

namespace Envd.BuildKit.Client;

/// <summary>What a solve returned.</summary>
/// <param name="Exporter">The exporter's answer: <c>containerimage.digest</c>, <c>containerimage.config.digest</c> …</param>
/// <param name="Vertices">Every vertex that took part.</param>
/// <param name="Warnings">What the engine or its frontend warned of.</param>
public sealed record SolveResult(IReadOnlyDictionary<string, string> Exporter, IReadOnlyList<VertexSummary> Vertices, IReadOnlyList<string> Warnings);

/// <summary>A step of the build failed, or the build as a whole was refused.</summary>
public sealed class SolveException : BuildKitException
{
    internal SolveException(string message, int code, FailedStep? step, Exception? inner)
        : base(message, inner)
    {
        Code = code;
        Step = step;
    }

    /// <summary>gRPC's status code of the answer.</summary>
    public int Code { get; }

    /// <summary>The step that failed; null where no step did.</summary>
    public FailedStep? Step { get; }

    /// <summary>The engine's disk is full: a prune frees what its cache holds.</summary>
    public bool IsEngineDiskFull => Code == RpcException.ResourceExhausted || Message.Contains("no space left on device", StringComparison.Ordinal)
        || (Step?.LogTail.Any(l => l.Contains("No space left on device", StringComparison.OrdinalIgnoreCase)) ?? false);
}

/// <summary>A step that failed.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Name">Its name, or empty.</param>
/// <param name="Command">What it ran; empty where it was no command.</param>
/// <param name="ExitCode">The exit code of its command, where it had one.</param>
/// <param name="LogTail">The last lines that it wrote.</param>
/// <param name="Places">Where it was written down, as <c>file:line</c>.</param>
public sealed record FailedStep(string Digest, string Name, string Command, int? ExitCode, IReadOnlyList<string> LogTail, IReadOnlyList<string> Places);
