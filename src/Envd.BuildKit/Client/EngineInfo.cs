using Envd.Llb;

namespace Envd.BuildKit.Client;

/// <summary>What an engine is and can do.</summary>
/// <param name="WorkerId">The id of its first worker: another id is another engine, with a cache of its own.</param>
/// <param name="Platform">The platform that it builds for by itself.</param>
/// <param name="Labels">The worker's labels.</param>
/// <param name="IsDocker">dockerd's BuildKit.</param>
public sealed record EngineInfo(string WorkerId, Platform Platform, IReadOnlyDictionary<string, string> Labels, bool IsDocker)
{
    /// <summary>Every platform that it builds for, by emulation too.</summary>
    public IReadOnlyList<Platform> Platforms { get; init; } = [];

    /// <summary>
    /// Whether the engine has MergeOp and DiffOp: every buildkitd, and dockerd with the containerd image store, whose worker names its snapshotter.
    /// </summary>
    public bool CanMerge => !IsDocker || Labels.ContainsKey("org.mobyproject.buildkit.worker.snapshotter");

    /// <summary>How the engine keeps images: <c>containerd</c>, <c>graphdriver</c>, or <c>none</c> for a plain buildkitd.</summary>
    public string ImageStore => !IsDocker ? "none" : CanMerge ? "containerd" : "graphdriver";
}
