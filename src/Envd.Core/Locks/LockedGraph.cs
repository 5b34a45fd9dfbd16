using Envd.Core.Graph;

namespace Envd.Core.Locks;

/// <summary>Puts what a lock says of images, commits and downloads into a graph.</summary>
internal static class LockedGraph
{
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
