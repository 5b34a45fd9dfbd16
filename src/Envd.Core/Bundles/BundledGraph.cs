using Envd.Core.Graph;
using Envd.Core.Locks;

namespace Envd.Core.Bundles;

/// <summary>
/// A bundle: an OCI layout with everything that a locked build fetches. Images are there under the tag <c>image:REFERENCE</c>; files, and trees of git
/// commits, in one image <c>materials</c>, as <c>/files/SHA256/NAME</c> and <c>/git/COMMIT/</c>.
/// </summary>
internal static class BundledGraph
{
    /// <summary>The session's name of the layout.</summary>
    public const string Store = "envd-bundle";

    /// <summary>The tag of the files.</summary>
    public const string Materials = "materials";

    /// <summary>The tag of an image.</summary>
    public static string TagOf(string reference, string platform) => $"image:{reference.Split("@sha256:")[0]}{(platform.Length > 0 ? " " + platform : "")}";

    /// <summary>The graph whose tree is the materials of another, and the images that the other takes.</summary>
    /// <param name="graph">Planned with its lock and pinned.</param>
    /// <param name="held">The lock.</param>
    public static EnvironmentGraph PlanMaterials(EnvironmentGraph graph, EnvironmentLock held)
    {
        var needed = Needed(graph);
        var actions = new List<GraphFileAction> { new() { Path = "/files", Mode = "0755" }, new() { Path = "/git", Mode = "0755" } };
        foreach (var node in graph.Nodes.Where(n => needed.Contains(n.Id)))
            switch (node.Operation)
            {
                case DownloadOperation { Checksum.Length: > 0 } download:
                    Add(PathOf(download.Checksum, download.FileName), node.Id, "/" + download.FileName);
                    break;
                case RunOperation { Fetched: { } files }:
                    foreach (var file in files)
                        Add(PathOf(file.Sha256, file.Name), node.Id, file.Path);
                    break;
                case GitOperation git:
                    Add("/git/" + git.Reference, node.Id, "/");
                    break;
                case ContextOperation context when LockedFiles(held, context) is { Count: > 0 } files:
                    foreach (var (name, sha256) in files)
                        Add(PathOf(sha256, name), node.Id, "/" + name);
                    break;
            }
        return new EnvironmentGraph
        {
            Plan = "bundle",
            Platform = graph.Platform,
            Result = "materials",
            Nodes = [.. graph.Nodes, new GraphNode { Id = "materials", Title = "gather what the lock names", Operation = new FilesOperation("", actions) }],
            Image = new ImageSettings(),
        };

        void Add(string path, string from, string source)
        {
            if (!actions.Exists(a => a.Path == path))
            {
                actions.Add(new GraphFileAction { Path = path[..path.LastIndexOf('/')], Mode = "0755" });
                actions.Add(new GraphFileAction { Path = path, From = from, Source = source, ContentsOnly = source == "/" });
            }
        }
    }

    /// <summary>The graph with everything that a bundle has taken from it.</summary>
    /// <param name="graph">Planned with its lock and pinned.</param>
    /// <param name="held">The lock.</param>
    /// <param name="digestOf">The digest of what the bundle has under a tag; null where it has none.</param>
    /// <exception cref="Diagnostics.EnvdException">The bundle lacks an image.</exception>
    public static EnvironmentGraph Apply(EnvironmentGraph graph, EnvironmentLock held, Func<string, string?> digestOf)
    {
        const string id = "bundle";
        var materials = new GraphNode { Id = id, Title = "the bundle", Operation = new LayoutOperation($"envd/{Materials}@{digestOf(Materials)}", Store) };
        var needed = Needed(graph);
        return graph with
        {
            Nodes = [materials, .. graph.Nodes.Select(node => !needed.Contains(node.Id) ? node : node.Operation switch
            {
                ImageOperation image => node with
                {
                    Operation = new LayoutOperation($"envd/image@{digestOf(TagOf(image.Reference, image.Platform)) ?? throw new Diagnostics.EnvdException(Diagnostics.ErrorCodes.ImageNotFound, $"The bundle has no image {image.Reference}.", "Make it again by `envd bundle`.")}", Store),
                },
                DownloadOperation { Checksum.Length: > 0 } download => node with { Operation = Take(PathOf(download.Checksum, download.FileName), "/" + download.FileName) },
                RunOperation { Fetched: { } files } => node with { Operation = new FilesOperation("", [.. files.Select(f => new GraphFileAction { Path = f.Path, From = id, Source = PathOf(f.Sha256, f.Name) })]) },
                GitOperation git => node with { Operation = new FilesOperation("", [new GraphFileAction { Path = "/", From = id, Source = "/git/" + git.Reference, ContentsOnly = true }]) },
                ContextOperation context when LockedFiles(held, context) is { Count: > 0 } files => node with
                {
                    Operation = new FilesOperation("", [.. files.Select(f => new GraphFileAction { Path = "/" + f.Name, From = id, Source = PathOf(f.Sha256, f.Name) })]),
                },
                _ => node,
            })],
        };

        static FilesOperation Take(string source, string path) => new("", [new GraphFileAction { Path = path, From = id, Source = source }]);
    }

    /// <summary>Titles of steps that use the network even so.</summary>
    public static IReadOnlyList<string> Online(EnvironmentGraph graph)
    {
        var needed = Needed(graph);
        return [.. graph.Nodes.Where(n => needed.Contains(n.Id) && n.Operation is RunOperation { Network: not "none", Fetched: null }).Select(n => n.Title)];
    }

    /// <summary>Images that a graph takes.</summary>
    public static IReadOnlyList<ImageOperation> Images(EnvironmentGraph graph)
    {
        var needed = Needed(graph);
        return [.. graph.Nodes.Where(n => needed.Contains(n.Id)).Select(n => n.Operation).OfType<ImageOperation>()];
    }

    private static string PathOf(string checksum, string name) => $"/files/{checksum.Replace("sha256:", "", StringComparison.Ordinal)}/{name}";

    /// <summary>The files of a folder of wheels that a lock names; none for any other folder.</summary>
    private static IReadOnlyList<(string Name, string Sha256)> LockedFiles(EnvironmentLock held, ContextOperation context) =>
        !context.Name.StartsWith("index-", StringComparison.Ordinal) || context.Patterns.Count == 0 ? []
        : [.. (held.Python?.Packages ?? []).Select(p => (Name: p.Kind == "wheel" ? p.File : p.SourceFile, p.Sha256)).Where(f => context.Patterns.Contains(f.Name))];

    /// <summary>What the result is made of.</summary>
    private static HashSet<string> Needed(EnvironmentGraph graph)
    {
        var nodes = graph.Nodes.ToDictionary(n => n.Id, StringComparer.Ordinal);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Stack<string>([graph.Result]);
        while (pending.TryPop(out var id))
            if (id.Length > 0 && needed.Add(id))
                foreach (var input in nodes[id].Operation.TakesFrom)
                    pending.Push(input);
        return needed;
    }
}
