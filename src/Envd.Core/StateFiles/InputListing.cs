using System.Buffers;
using System.Text.Json;
using Envd.FileTree;
using Envd.Llb;

namespace Envd.Core.StateFiles;

/// <summary>Lists the files that an image is made from, by stat alone: inputs.json.</summary>
public static class InputListing
{
    /// <summary>The patterns of a context's .dockerignore; empty where there is none.</summary>
    public static IReadOnlyList<string> IgnorePatterns(string context) =>
        File.Exists(Path.Combine(context, ".dockerignore")) ? File.ReadAllLines(Path.Combine(context, ".dockerignore")) : [];

    /// <summary>The bytes of inputs.json: a line for each file that a pattern names or that lies in an index folder.</summary>
    /// <param name="context">The context folder.</param>
    /// <param name="patterns">What of it counts.</param>
    /// <param name="folders">Other folders, wholly, by name.</param>
    /// <param name="references">The inputs.json of each referenced environment, by its name.</param>
    /// <exception cref="IOException">A folder cannot be read.</exception>
    public static byte[] List(string context, IReadOnlyList<string> patterns, IReadOnlyList<KeyValuePair<string, string>> folders, IReadOnlyList<KeyValuePair<string, string>>? references = null)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        if (patterns.Count > 0)
        {
            var ignore = new PatternSet(IgnorePatterns(context));
            Write(buffer, json, "", new FileTreeWalker(context, new PatternSet(patterns), ignore));
        }
        foreach (var (name, folder) in folders.Where(f => Directory.Exists(f.Value)))
            Write(buffer, json, name + ":", new FileTreeWalker(folder, new PatternSet([]), new PatternSet([])));
        foreach (var (name, file) in references ?? [])
        {
            Begin(buffer, json);
            json.WriteStringValue(name + "/");
            json.WriteStringValue(ImageRecord.DigestOf(file));
            End(json);
        }
        buffer.Write(buffer.WrittenCount == 0 ? "[]\n"u8 : "\n]\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(ArrayBufferWriter<byte> buffer, Utf8JsonWriter json, string prefix, FileTreeWalker walker)
    {
        foreach (var entry in walker.Walk())
        {
            Begin(buffer, json);
            json.WriteStringValue(prefix + entry.Path);
            // A folder's size and time change with what lies in it, which has lines of its own.
            json.WriteNumberValue(entry.Stat.IsDirectory ? 0 : entry.Stat.Size);
            json.WriteNumberValue(entry.Stat.IsDirectory ? 0 : entry.Stat.ModifiedNanoseconds);
            json.WriteNumberValue(entry.Stat.Mode);
            End(json);
        }
    }

    /// <summary>A line for each entry.</summary>
    private static void Begin(ArrayBufferWriter<byte> buffer, Utf8JsonWriter json)
    {
        buffer.Write(buffer.WrittenCount == 0 ? "[\n"u8 : ",\n"u8);
        json.Reset();
        json.WriteStartArray();
    }

    private static void End(Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.Flush();
    }
}
