using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.Llb.Protocol;

namespace Envd.BuildKit.Client;

/// <summary>What a solve does beside its graph.</summary>
public sealed record SolveOptions
{
    /// <summary>What becomes of the result; none only fills the engine's cache.</summary>
    public IReadOnlyList<ExporterOptions> Exporters { get; init; } = [];

    /// <summary>Caches to read.</summary>
    public IReadOnlyList<CacheOptions> CacheImports { get; init; } = [];

    /// <summary>Caches to write.</summary>
    public IReadOnlyList<CacheOptions> CacheExports { get; init; } = [];

    /// <summary>What is stated about the result: <c>provenance</c> with <c>mode=max</c>, <c>sbom</c> … An engine that has none fails the build.</summary>
    public IReadOnlyDictionary<string, string> Attestations { get; init; } = new Dictionary<string, string>();

    /// <summary>Such as <c>network.host</c>.</summary>
    public IReadOnlyList<string> Entitlements { get; init; } = [];

    /// <summary>What the build's sources may be; null is everything.</summary>
    public SourcePolicy? SourcePolicy { get; init; }

    /// <summary>Keeps the build in the engine's history.</summary>
    public bool KeepHistory { get; init; } = true;

    /// <summary>What the engine may ask of this client; null opens no session where nothing else needs one, which saves some 25 ms.</summary>
    public SessionOptions? Session { get; init; }

    /// <summary>Gets every event of the build, in order, on no particular thread.</summary>
    public Action<ProgressEvent>? Progress { get; init; }
}

/// <summary>A build by a frontend of the engine, such as <c>dockerfile.v0</c>.</summary>
public sealed record FrontendOptions
{
    /// <summary>The frontend's name; <c>gateway.v0</c> takes an image as attribute <c>source</c>.</summary>
    public required string Name { get; init; }

    /// <summary>As <c>buildctl build --opt</c> takes them: <c>filename</c>, <c>target</c>, <c>build-arg:NAME</c>, <c>platform</c> …</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    /// <summary>Graphs that take the place of the frontend's own sources, by name.</summary>
    public IReadOnlyDictionary<string, Definition> Inputs { get; init; } = new Dictionary<string, Definition>();
}

/// <summary>An exporter: <c>moby</c>, <c>image</c>, <c>docker</c>, <c>oci</c>, <c>tar</c> or <c>local</c>.</summary>
/// <param name="Type">BuildKit's name.</param>
/// <param name="Attributes">Such as <c>name</c> (fully qualified: not every engine normalises it) and <c>compression</c>.</param>
public sealed record ExporterOptions(string Type, IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>An exporter without attributes.</summary>
    public ExporterOptions(string type)
        : this(type, new Dictionary<string, string>())
    {
    }
}

/// <summary>What a build's sources may be, applied by the engine before any of them is fetched.</summary>
/// <param name="Rules">Tried in order.</param>
public sealed record SourcePolicy(IReadOnlyList<SourcePolicyRule> Rules);

/// <summary>A rule about sources.</summary>
/// <param name="Action">What happens to a source that matches.</param>
/// <param name="Selector">A source as LLB names it, with wildcards: <c>docker-image://docker.io/library/*</c>.</param>
/// <param name="Replacement">For <see cref="SourcePolicyAction.Convert"/>: what is fetched instead.</param>
public sealed record SourcePolicyRule(SourcePolicyAction Action, string Selector, string Replacement = "");

/// <summary>What a rule does.</summary>
public enum SourcePolicyAction
{
    /// <summary>Lets the source through.</summary>
    Allow,

    /// <summary>Fails the build.</summary>
    Deny,

    /// <summary>Fetches another one.</summary>
    Convert,
}
