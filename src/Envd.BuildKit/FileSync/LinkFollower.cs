using Envd.Llb;

namespace Envd.BuildKit.FileSync;

/// <summary>
/// Finds what paths lead to within a folder when links are followed, so that a copy of a link finds its target as well (BuildKit's
/// <c>followpaths</c>). A link out of the folder counts from the folder's root, as it would in the tree that is sent.
/// </summary>
internal sealed class LinkFollower(string root)
{
    private const int MaximumLinks = 255;

    private readonly SortedSet<string> _found = new(StringComparer.Ordinal);
    private int _links;

    /// <summary>Every link on the way and every end, as include patterns.</summary>
    /// <exception cref="FileSyncException">Links lead in circles.</exception>
    public IReadOnlyCollection<string> Follow(IEnumerable<string> paths)
    {
        foreach (var path in paths)
            Add(path);
        return _found;
    }

    private void Add(string path)
    {
        var segments = Clean(path);
        if (segments.Count == 0)
        {
            _found.Add("**");
            return;
        }
        var current = "";
        for (var i = 0; i < segments.Count; i++)
        {
            var name = segments[i];
            var rest = string.Join('/', segments.Skip(i + 1));
            if (PatternSet.HasWildcard(name))
            {
                // The pattern itself finds the names; what links among them lead to has to be looked up.
                _found.Add(Join(Join(current, name), rest));
                foreach (var match in Matches(current, name))
                    if (TargetOf(Join(current, match)) is { } end)
                        Add(Join(end, rest));
                return;
            }
            current = Join(current, name);
            if (TargetOf(current) is { } target)
            {
                if (!_found.Add(current) && rest.Length == 0)
                    return;
                if (++_links > MaximumLinks)
                    throw new FileSyncException(path, $"'{path}' leads through more than {MaximumLinks} links.");
                Add(Join(target, rest));
                return;
            }
        }
        _found.Add(current);
    }

    /// <summary>Where a link leads, from the root; null where the path is no link.</summary>
    private string? TargetOf(string path)
    {
        if (new FileInfo(Path.Combine(root, path)).LinkTarget is not { } target)
            return null;
        var folder = path.Contains('/', StringComparison.Ordinal) ? path[..path.LastIndexOf('/')] : "";
        return target.StartsWith('/') ? target[1..] : Join(folder, target);
    }

    private IEnumerable<string> Matches(string folder, string pattern)
    {
        var set = new PatternSet([pattern]);
        var path = Path.Combine(root, folder);
        return Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path).Select(e => Path.GetFileName(e)).Where(set.Matches) : [];
    }

    private static List<string> Clean(string path)
    {
        var result = new List<string>();
        foreach (var segment in path.Split('/'))
        {
            if (segment == ".." && result.Count > 0)
                result.RemoveAt(result.Count - 1);
            else if (segment is not ("" or "." or ".."))
                result.Add(segment);
        }
        return result;
    }

    private static string Join(string a, string b) => a.Length == 0 ? b : b.Length == 0 ? a : a + "/" + b;
}
