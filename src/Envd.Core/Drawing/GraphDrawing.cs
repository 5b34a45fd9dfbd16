using System.Globalization;
using System.Text;
using System.Text.Json;
using Envd.Core.Graph;
using Envd.Core.StateFiles;

namespace Envd.Core.Drawing;

/// <summary>Draws an environment's graph of states for people.</summary>
public sealed class GraphDrawing
{
    private const int ColumnWidth = 250;
    private const int RowHeight = 62;
    private const int NodeWidth = 210;
    private const int NodeHeight = 44;
    private const int Margin = 20;

    private readonly IReadOnlyList<DrawnNode> _nodes;

    /// <summary>Prepares a drawing.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="positions">Where items stand, by item.</param>
    /// <param name="report">What the last build did; null where there was none.</param>
    public GraphDrawing(EnvironmentGraph graph, IReadOnlyDictionary<string, RecordedPosition> positions, BuildReport? report)
    {
        var built = new Dictionary<string, BuiltStep>(StringComparer.Ordinal);
        foreach (var step in report?.Steps ?? [])
            built.TryAdd(step.Title, step);
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        var rows = new Dictionary<int, int>();
        var nodes = new List<DrawnNode>();
        foreach (var node in graph.Nodes)
        {
            var inputs = node.Operation.TakesFrom.Where(i => i.Length > 0).Distinct(StringComparer.Ordinal).ToList();
            // Behind everything that it needs, so every edge goes from left to right.
            var column = inputs.Count == 0 ? 0 : inputs.Max(i => columns[i]) + 1;
            columns[node.Id] = column;
            var row = rows.GetValueOrDefault(column);
            rows[column] = row + 1;
            var origin = node.Origin.EndsWith(":*", StringComparison.Ordinal)
                ? positions.Keys.Where(k => k.StartsWith(node.Origin[..^1], StringComparison.Ordinal)).Order(StringComparer.Ordinal).FirstOrDefault(node.Origin) : node.Origin;
            nodes.Add(new DrawnNode(node.Id, node.Title, KindOf(node.Operation), inputs, node.Origin,
                positions.TryGetValue(origin, out var place) ? $"{place.File}:{place.Line}" : "",
                built.GetValueOrDefault(node.Title), Margin + column * ColumnWidth, Margin + row * RowHeight, node.Id == graph.Result));
        }
        _nodes = nodes;
    }

    /// <summary>Graphviz' DOT.</summary>
    public string ToDot()
    {
        var text = new StringBuilder("digraph environment {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
        foreach (var node in _nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {Quote(node.Id)} [label={Quote(Label(node))}{(node.Result ? ", penwidth=2" : "")}{(node.Place.Length > 0 ? ", tooltip=" + Quote(node.Place) : "")}];\n");
            foreach (var input in node.Inputs)
                text.Append(CultureInfo.InvariantCulture, $"  {Quote(input)} -> {Quote(node.Id)};\n");
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>Mermaid, which many forges and editors show.</summary>
    public string ToMermaid()
    {
        var names = _nodes.Select((n, i) => (n.Id, Name: "n" + i.ToString(CultureInfo.InvariantCulture))).ToDictionary(n => n.Id, n => n.Name, StringComparer.Ordinal);
        var text = new StringBuilder("flowchart LR\n");
        foreach (var node in _nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {names[node.Id]}[\"{Escape(Label(node))}\"]\n");
            foreach (var input in node.Inputs)
                text.Append(CultureInfo.InvariantCulture, $"  {names[input]} --> {names[node.Id]}\n");
        }
        return text.ToString();

        // Mermaid has entities for what ends a text, and takes anything else as it is.
        static string Escape(string text) => string.Concat(text.Select(c => c switch
        {
            '"' => "#quot;",
            '#' => "#35;",
            '<' => "#lt;",
            '>' => "#gt;",
            '&' => "#amp;",
            _ when char.IsControl(c) => " ",
            _ => c.ToString(),
        }));
    }

    /// <summary>One HTML page that loads nothing: pan, zoom, search; each state with its item, its place, and what the last build did.</summary>
    /// <param name="title">The environment's name.</param>
    public string ToPage(string title)
    {
        using var stream = typeof(GraphDrawing).Assembly.GetManifestResourceStream("drawing/page.html")!;
        using var reader = new StreamReader(stream);
        var data = JsonSerializer.Serialize(_nodes.Select(n => new PageNode(n.Id, n.Title, n.Kind, n.Inputs, n.Origin, n.Place, n.Built?.Cached, n.Built?.Seconds, n.X, n.Y, n.Result)).ToArray(),
            DrawingJson.Default.PageNodeArray);
        // The serializer escapes <, > and & as \u003c …, so that no text of a project can end the script.
        return reader.ReadToEnd().Replace("{{title}}", System.Net.WebUtility.HtmlEncode(title), StringComparison.Ordinal)
            .Replace("{{width}}", NodeWidth.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{{height}}", NodeHeight.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("{{nodes}}", data, StringComparison.Ordinal);
    }

    private static string Label(DrawnNode node) => node.Built is not { } built ? node.Title
        : string.Create(CultureInfo.InvariantCulture, $"{node.Title} ({(built.Cached ? "cached" : $"{built.Seconds:0.0} s")})");

    private static string KindOf(GraphOperation operation) => operation switch
    {
        ImageOperation or LayoutOperation => "image",
        ContextOperation => "folder",
        DownloadOperation => "download",
        GitOperation => "git",
        RunOperation => "run",
        FilesOperation => "files",
        MergeOperation => "merge",
        _ => "difference",
    };

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(c switch { '"' => "\\\"", '\\' => "\\\\", _ when char.IsControl(c) => " ", _ => c.ToString() });
        return quoted.Append('"').ToString();
    }

    private sealed record DrawnNode(string Id, string Title, string Kind, IReadOnlyList<string> Inputs, string Origin, string Place, BuiltStep? Built, int X, int Y, bool Result);
}

internal sealed record PageNode(string Id, string Title, string Kind, IReadOnlyList<string> Inputs, string Origin, string Place, bool? Cached, double? Seconds, int X, int Y, bool Result);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(PageNode[]))]
internal sealed partial class DrawingJson : System.Text.Json.Serialization.JsonSerializerContext;
