namespace Envd.Core.Graph;

/// <summary>Collects nodes in order; equal operations become one node.</summary>
internal sealed class GraphBuilder
{
    private readonly List<GraphNode> _nodes = [];
    private readonly Dictionary<string, string> _images = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ids = new(StringComparer.Ordinal);

    public IReadOnlyList<GraphNode> Nodes => _nodes;

    /// <summary>Before the ids and origins of what is added: the reference that it belongs to.</summary>
    public string Prefix { get; set; } = "";

    public string Add(string id, string title, GraphOperation operation, string origin = "")
    {
        id = Prefix + id;
        var unique = id;
        for (var i = 2; !_ids.Add(unique); i++)
            unique = $"{id}-{i}";
        _nodes.Add(new GraphNode { Id = unique, Title = Prefix.Length > 0 ? $"{Prefix.TrimEnd('/')}: {title}" : title, Origin = origin.Length > 0 ? Prefix + origin : "", Operation = operation });
        return unique;
    }

    public string Image(string reference, string origin = "", string platform = "")
    {
        var key = reference + " " + platform;
        if (_images.TryGetValue(key, out var known))
            return known;
        var name = reference.StartsWith("docker.io/library/", StringComparison.Ordinal) ? reference["docker.io/library/".Length..] : reference;
        return _images[key] = Add("image:" + name, $"image {name}{(platform.Length > 0 ? $" ({platform})" : "")}", new ImageOperation(reference, platform), origin);
    }

    public string Diff(string lower, string upper, string title) =>
        lower == upper ? "" : Add("diff:" + upper, title, new DiffOperation(lower, upper));

    public string Merge(string id, IReadOnlyList<string> inputs, string title)
    {
        var real = inputs.Where(i => i.Length > 0).ToList();
        return real.Count == 1 ? real[0] : Add(id, title, new MergeOperation(real));
    }
}
