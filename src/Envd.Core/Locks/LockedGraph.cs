using Envd.Core.Graph;
using Envd.Core.Spec;

namespace Envd.Core.Locks;

/// <summary>Puts what a lock says of images, commits and downloads into a graph.</summary>
internal static class LockedGraph
{
    /// <summary>What an environment's own lock and those of the environments that it takes from say together; null where none of them has one.</summary>
    public static EnvironmentLock? Of(EnvironmentSpec spec)
    {
        var locks = Locks(spec).ToList();
        return locks.Count == 0 ? null : new EnvironmentLock
        {
            Platform = spec.Platform,
            Images = [.. locks.SelectMany(l => l.Images).DistinctBy(i => (i.Reference, i.Platform))],
            Git = [.. locks.SelectMany(l => l.Git).DistinctBy(g => (g.Remote, g.Reference))],
            Downloads = [.. locks.SelectMany(l => l.Downloads).DistinctBy(d => d.Url)],
            Python = new PythonLock { Packages = [.. locks.SelectMany(l => l.Python?.Packages ?? [])] },
        };
    }

    private static IEnumerable<EnvironmentLock> Locks(EnvironmentSpec spec) =>
        (spec.Lock is { } own ? new[] { own } : []).Concat(spec.References.SelectMany(r => Locks(r.Spec)));

    /// <summary>The graph with everything that a lock names.</summary>
    /// <param name="graph">As planned.</param>
    /// <param name="held">The lock; null leaves the graph as it is.</param>
    /// <param name="images">For images whose names stand for something else by now, what to take instead, by reference and platform.</param>
    public static EnvironmentGraph Pin(EnvironmentGraph graph, EnvironmentLock? held, IReadOnlyDictionary<(string Reference, string Platform), string>? images = null) => held is null ? graph : graph with
    {
        Nodes = [.. graph.Nodes.Select(node => node.Operation switch
        {
            DownloadOperation { Checksum: "" } download when held.Downloads.FirstOrDefault(d => d.Url == download.Url) is { } locked => node with { Operation = download with { Checksum = locked.Checksum } },
            GitOperation git when held.Git.FirstOrDefault(g => g.Remote == git.Remote && g.Reference == git.Reference) is { } locked => node with { Operation = git with { Reference = locked.Commit } },
            ImageOperation image when images?.TryGetValue((image.Reference, image.Platform), out var pinned) is true => node with { Operation = image with { Reference = pinned } },
            _ => node,
        })],
    };
}
