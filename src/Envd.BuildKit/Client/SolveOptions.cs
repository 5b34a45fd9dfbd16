using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;

namespace Envd.BuildKit.Client;

/// <summary>What a solve does beside its graph.</summary>
public sealed record SolveOptions
{
    /// <summary>What becomes of the result; none only fills the engine's cache.</summary>
    public IReadOnlyList<ExporterOptions> Exporters { get; init; } = [];

    /// <summary>Caches to read, such as <c>registry</c> with <c>ref</c>.</summary>
    public IReadOnlyList<CacheOptions> CacheImports { get; init; } = [];

    /// <summary>Caches to write.</summary>
    public IReadOnlyList<CacheOptions> CacheExports { get; init; } = [];

    /// <summary>Such as <c>network.host</c>.</summary>
    public IReadOnlyList<string> Entitlements { get; init; } = [];

    /// <summary>What the engine may ask of this client; null opens no session, which saves some 25 ms.</summary>
    public SessionOptions? Session { get; init; }

    /// <summary>Gets every event of the build, in order, on no particular thread.</summary>
    public Action<ProgressEvent>? Progress { get; init; }
}

/// <summary>An exporter: <c>moby</c>, <c>image</c>, <c>docker</c>, <c>oci</c>, <c>tar</c> or <c>local</c>.</summary>
/// <param name="Type">BuildKit's name.</param>
/// <param name="Attributes">Such as <c>name</c> (fully qualified: not every engine normalises it) and <c>compression</c>.</param>
public sealed record ExporterOptions(string Type, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A cache to read or write.</summary>
/// <param name="Type"><c>registry</c>, <c>local</c>, <c>inline</c> …</param>
/// <param name="Attributes">As <c>buildctl --import-cache</c> takes them.</param>
public sealed record CacheOptions(string Type, IReadOnlyDictionary<string, string> Attributes);

/// <summary>What a solve returned.</summary>
/// <param name="Exporter">The exporter's answer: <c>containerimage.digest</c>, <c>containerimage.config.digest</c> …</param>
/// <param name="Vertices">Every vertex that took part.</param>
public sealed record SolveResult(IReadOnlyDictionary<string, string> Exporter, IReadOnlyList<VertexSummary> Vertices);

/// <summary>A step of the build failed, or the build as a whole was refused.</summary>
public sealed class SolveException(string message, int code, string? vertex, string vertexName, int? exitCode,
    IReadOnlyList<string> logTail, Exception? inner = null) : BuildKitException(message, inner)
{
    /// <summary>gRPC's status code of the answer.</summary>
    public int Code { get; } = code;

    /// <summary>The digest of the step that failed; null where no step did.</summary>
    public string? Vertex { get; } = vertex;

    /// <summary>The step's name, or empty.</summary>
    public string VertexName { get; } = vertexName;

    /// <summary>The exit code of the step's command, where it had one.</summary>
    public int? ExitCode { get; } = exitCode;

    /// <summary>The last lines that the step wrote.</summary>
    public IReadOnlyList<string> LogTail { get; } = logTail;
}
