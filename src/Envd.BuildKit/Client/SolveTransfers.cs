using System.Text;
using Envd.BuildKit.Content;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Session;

namespace Envd.BuildKit.Client;

/// <summary>
/// Exporters and caches of a solve, with the blobs that the session carries for them. The engine knows a folder of this machine by a number, never
/// by its path.
/// </summary>
internal sealed class SolveTransfers
{
    private readonly List<(OciLayout Layout, string? Tag, string Answer)> _written = [];

    public SolveTransfers(SolveOptions options)
    {
        var stores = new Dictionary<string, OciLayout>(options.Session?.ContentStores ?? new Dictionary<string, OciLayout>());
        var own = stores.Count;
        for (var i = 0; i < options.Exporters.Count; i++)
            Exporters.Add(ToExporter(options.Exporters[i], i < options.Session?.Exports.Count ? options.Session.Exports[i] : null, stores));
        foreach (var cache in options.CacheImports)
            if (ToImport(cache, stores) is { } entry)
                CacheImports.Add(entry);
        foreach (var cache in options.CacheExports)
            CacheExports.Add(ToExport(cache, stores));
        Session = stores.Count == own ? options.Session : (options.Session ?? new SessionOptions()) with { ContentStores = stores };
    }

    public List<Exporter> Exporters { get; } = [];

    public List<CacheOptionsEntry> CacheImports { get; } = [];

    public List<CacheOptionsEntry> CacheExports { get; } = [];

    /// <summary>What the session offers; null where none is needed.</summary>
    public SessionOptions? Session { get; }

    /// <summary>Writes the indexes of the layouts that have received blobs.</summary>
    public void Complete(IReadOnlyDictionary<string, string> answers)
    {
        foreach (var (layout, tag, answer) in _written)
        {
            if (!answers.TryGetValue(answer, out var descriptor))
                continue;
            // A cache is described by plain JSON, an image by JSON in base64.
            layout.Add(descriptor.StartsWith('{') ? descriptor : Encoding.UTF8.GetString(Convert.FromBase64String(descriptor)), tag);
        }
    }

    private Exporter ToExporter(ExporterOptions options, IExportTarget? target, Dictionary<string, OciLayout> stores)
    {
        var exporter = new Exporter { Type = options.Type };
        exporter.Attrs.Add(options.Attributes.ToDictionary());
        if (target is OciLayoutExportTarget layout)
        {
            exporter.Attrs["tar"] = "false";
            // The engine asks for this very name, so a solve can have one such export.
            stores["export"] = new OciLayout(layout.Path);
            _written.Add((stores["export"], layout.Tag, "containerimage.descriptor"));
        }
        return exporter;
    }

    private static CacheOptionsEntry? ToImport(CacheOptions cache, Dictionary<string, OciLayout> stores)
    {
        var entry = Entry(cache);
        if (cache.Folder is null)
            return entry;
        var layout = new OciLayout(cache.Folder);
        if (layout.Find(cache.Tag) is not { } digest)
            return null; // the first build has no cache yet
        entry.Attrs.Remove("mode");
        entry.Attrs["src"] = Offer(layout, stores);
        entry.Attrs["digest"] = digest;
        return entry;
    }

    private CacheOptionsEntry ToExport(CacheOptions cache, Dictionary<string, OciLayout> stores)
    {
        var entry = Entry(cache);
        if (cache.Folder is null)
            return entry;
        var layout = new OciLayout(cache.Folder);
        entry.Attrs["dest"] = Offer(layout, stores);
        _written.Add((layout, cache.Tag, "cache.manifest"));
        return entry;
    }

    private static string Offer(OciLayout layout, Dictionary<string, OciLayout> stores)
    {
        var id = $"cache{stores.Count}";
        stores["local:" + id] = layout;
        return id;
    }

    private static CacheOptionsEntry Entry(CacheOptions cache)
    {
        var entry = new CacheOptionsEntry { Type = cache.Type };
        entry.Attrs.Add(cache.Attributes.ToDictionary());
        return entry;
    }
}
