using Envd.Core.Diagnostics;

namespace Envd.Core.ProjectFile;

/// <summary>Finds the places of evaluated items in the files that declared them.</summary>
public sealed class ProjectSources
{
    // Under it lie the items whose name is an expression. No item can be named so.
    private const string AnyName = "\0";

    private readonly List<RawItem> _items = [];
    private readonly Dictionary<(string Type, string Name), List<RawItem>> _byName = [];
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
        _items.ForEach(Index);
    }

    /// <summary>Where properties are set: in the project file, else in a file that declares items.</summary>
    public IReadOnlyDictionary<string, SourcePosition> Properties => _properties;

    /// <summary>Every item of known type in the files.</summary>
    public IReadOnlyList<RawItem> Items => _items;

    /// <summary>The element that declared an item: by type and name, else by a name that is an expression.</summary>
    public RawItem? Find(ProjectItem item)
    {
        RawItem? sameName = null;
        foreach (var raw in Named(item.Type, item.Include).Where(r => MayDefine(r, item)))
        {
            // Two steps of one name live in two stages.
            var stage = raw.Metadata.FirstOrDefault(m => m.Name.Equals("Stage", StringComparison.OrdinalIgnoreCase))?.Value ?? "";
            if (stage.Equals(item["Stage"], StringComparison.Ordinal) || stage.Contains("$(", StringComparison.Ordinal))
                return raw;
            sameName ??= raw;
        }
        return sameName ?? Named(item.Type, AnyName).FirstOrDefault(r => MayDefine(r, item));
    }

    private IEnumerable<RawItem> Named(string type, string name) => _byName.GetValueOrDefault((type.ToUpperInvariant(), name), []);

    private static bool MayDefine(RawItem raw, ProjectItem item) =>
        item.DefiningFile.Length == 0 || raw.Position.File.Equals(item.DefiningFile, StringComparison.Ordinal);

    private void Index(RawItem raw)
    {
        foreach (var part in raw.Include.Split(';'))
            Add(MSBuildText.Unescape(part.Trim()));
        if (raw.Include.AsSpan().IndexOfAny("$@*?") >= 0)
            Add(AnyName);

        void Add(string name)
        {
            var key = (raw.Type.ToUpperInvariant(), name);
            if (!_byName.TryGetValue(key, out var list))
                _byName[key] = list = [];
            if (list.Count == 0 || list[^1] != raw)
                list.Add(raw);
        }
    }

    /// <summary>The place of an item, or of one of its metadata.</summary>
    public SourcePosition? PositionOf(ProjectItem item, string metadata = "") =>
        Find(item) is { } raw ? raw.PositionOf(metadata)
        : item.DefiningFile.Length > 0 ? new SourcePosition(item.DefiningFile, 0, 0) : null;
}
