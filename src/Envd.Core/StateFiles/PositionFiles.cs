using System.Text.Encodings.Web;
using System.Text.Json;
using Envd.Core.Diagnostics;

namespace Envd.Core.StateFiles;

/// <summary>
/// Reads and writes env.positions.json (by item) and env.sources.json (by vertex). Places are no input of anything: a comment that moves
/// every line rebuilds nothing.
/// </summary>
public static class PositionFiles
{
    private static readonly StateJson Readable = new(new JsonSerializerOptions(StateJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The bytes of env.positions.json.</summary>
    public static byte[] ToBytes(IReadOnlyDictionary<string, SourcePosition> positions, string projectFolder) =>
        Write(positions.OrderBy(p => p.Key, StringComparer.Ordinal).ToDictionary(p => p.Key, p => new RecordedPosition(p.Key,
            Path.GetRelativePath(projectFolder, p.Value.File).Replace('\\', '/'), p.Value.Line, p.Value.Column)));

    /// <summary>Reads either file; empty where there is none.</summary>
    public static IReadOnlyDictionary<string, RecordedPosition> Read(string path)
    {
        try
        {
            if (AtomicFile.ReadOrNull(path) is { } bytes)
                return JsonSerializer.Deserialize(bytes, StateJson.Default.DictionaryStringRecordedPosition) ?? [];
        }
        catch (JsonException)
        {
            // A place is a courtesy; the file is made again by the next composition.
        }
        return new Dictionary<string, RecordedPosition>();
    }

    /// <summary>The bytes of env.sources.json: from a vertex' digest to the place of its item.</summary>
    public static byte[] ToBytes(IReadOnlyDictionary<string, string> origins, IReadOnlyDictionary<string, RecordedPosition> positions) =>
        Write(ByVertex(origins, positions).OrderBy(p => p.Key, StringComparer.Ordinal).ToDictionary(p => p.Key, p => p.Value));

    /// <summary>From a vertex' digest to the place of its item.</summary>
    public static IReadOnlyDictionary<string, RecordedPosition> ByVertex(IReadOnlyDictionary<string, string> origins,
        IReadOnlyDictionary<string, RecordedPosition> positions)
    {
        var result = new Dictionary<string, RecordedPosition>(StringComparer.Ordinal);
        foreach (var (digest, origin) in origins)
            if (Find(positions, origin) is { } position)
                result[digest] = position;
        return result;
    }

    // `PythonPackage:*` stands for a step that several items share: the first of them is its place.
    private static RecordedPosition? Find(IReadOnlyDictionary<string, RecordedPosition> positions, string origin) =>
        positions.TryGetValue(origin, out var exact) ? exact
        : origin.EndsWith(":*", StringComparison.Ordinal)
            ? positions.Where(p => p.Key.StartsWith(origin[..^1], StringComparison.Ordinal)).Select(p => p.Value)
                .OrderBy(p => p.File, StringComparer.Ordinal).ThenBy(p => p.Line).ThenBy(p => p.Column).FirstOrDefault()
            : null;

    private static byte[] Write(Dictionary<string, RecordedPosition> positions) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(positions, Readable.DictionaryStringRecordedPosition), (byte)'\n'];
}
