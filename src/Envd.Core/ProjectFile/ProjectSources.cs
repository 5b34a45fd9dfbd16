using Envd.Core.Diagnostics;

namespace Envd.Core.ProjectFile;

/// <summary>Finds the places of evaluated items in the files that declared them.</summary>
public sealed class ProjectSources
{
    private readonly List<RawItem> _items = [];
    private readonly Dictionary<string, SourcePosition> _properties = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads the files; one that is gone or is no XML is passed over, since MSBuild has spoken about it.</summary>
    public ProjectSources(IEnumerable<string> files)
    {
        foreach (var file in files.Distinct(StringComparer.Ordinal))
        {
            try
            {
                var project = RawProject.Load(file);
                _items.AddRange(project.Items);
                foreach (var (name, position) in project.Properties)
                    _properties.TryAdd(name, position);
            }
            catch (Exception e) when (e is IOException or EnvdException or UnauthorizedAccessException)
            {
                // Positions are a courtesy: without the file an error shows the item alone.
            }
        }
    }

    /// <summary>Where properties are set: in the project file, else in a file that declares items.</summary>
    public IReadOnlyDictionary<string, SourcePosition> Properties => _properties;

    /// <summary>Every item of known type in the files.</summary>
    public IReadOnlyList<RawItem> Items => _items;

    /// <summary>The element that declared an item: by type and name, else by a name that is an expression.</summary>
    public RawItem? Find(ProjectItem item)
    {
        RawItem? expression = null;
        RawItem? sameName = null;
        foreach (var raw in _items)
        {
            if (!raw.Type.Equals(item.Type, StringComparison.OrdinalIgnoreCase)
                || (item.DefiningFile.Length > 0 && !raw.Position.File.Equals(item.DefiningFile, StringComparison.Ordinal)))
                continue;
            if (raw.Include.Split(';').Any(part => MSBuildText.Unescape(part.Trim()).Equals(item.Include, StringComparison.Ordinal)))
            {
                // Two steps of one name live in two stages.
                var stage = raw.Metadata.FirstOrDefault(m => m.Name.Equals("Stage", StringComparison.OrdinalIgnoreCase))?.Value ?? "";
                if (stage.Equals(item["Stage"], StringComparison.Ordinal) || stage.Contains("$(", StringComparison.Ordinal))
                    return raw;
                sameName ??= raw;
            }
            else if (raw.Include.AsSpan().IndexOfAny("$@*?") >= 0)
            {
                expression ??= raw;
            }
        }
        return sameName ?? expression;
    }

    /// <summary>The place of an item, or of one of its metadata.</summary>
    public SourcePosition? PositionOf(ProjectItem item, string metadata = "") =>
        Find(item) is { } raw ? raw.PositionOf(metadata)
        : item.DefiningFile.Length > 0 ? new SourcePosition(item.DefiningFile, 0, 0) : null;
}
