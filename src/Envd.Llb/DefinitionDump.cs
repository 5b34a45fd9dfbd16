using System.Globalization;
using System.Text;
using System.Text.Json;
using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.Llb;

/// <summary>Writes a <see cref="Definition"/> so that a person, or another tool, can read it.</summary>
public static class DefinitionDump
{
    private const int ShortDigest = 12;

    /// <summary>One op a line: its digest, its name, and the op in protobuf's JSON mapping.</summary>
    public static string ToText(Definition definition)
    {
        var text = new StringBuilder();
        foreach (var op in DefinitionReader.Read(definition))
        {
            text.Append(op.Digest).Append(' ');
            if (op.Name.Length > 0)
                text.Append('[').Append(op.Name).Append("] ");
            text.Append(op.Op).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>A JSON object whose <c>ops</c> are digest, op and metadata, and whose <c>source</c> says where they were written down; <see cref="FromJson"/> reads it.</summary>
    public static string ToJson(Definition definition)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartArray("ops");
            foreach (var op in DefinitionReader.Read(definition))
            {
                json.WriteStartObject();
                json.WriteString("digest", op.Digest);
                json.WritePropertyName("op");
                json.WriteRawValue(JsonFormatter.Default.Format(op.Op));
                json.WritePropertyName("metadata");
                json.WriteRawValue(JsonFormatter.Default.Format(op.Metadata));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (definition.Source is not null)
            {
                json.WritePropertyName("source");
                json.WriteRawValue(JsonFormatter.Default.Format(definition.Source));
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads what <see cref="ToJson"/> has written.</summary>
    /// <exception cref="FormatException">The text is no such JSON, or a digest is not its op's.</exception>
    public static Definition FromJson(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var definition = new Definition();
            foreach (var entry in json.RootElement.GetProperty("ops").EnumerateArray())
            {
                var bytes = JsonParser.Default.Parse<Op>(entry.GetProperty("op").GetRawText()).ToByteString();
                var digest = entry.GetProperty("digest").GetString()!;
                if (Marshaller.Digest(bytes) != digest)
                    throw new FormatException($"The op {digest} was changed: its digest is {Marshaller.Digest(bytes)}.");
                definition.Def.Add(bytes);
                definition.Metadata[digest] = JsonParser.Default.Parse<OpMetadata>(entry.GetProperty("metadata").GetRawText());
            }
            // A map field keeps the order of its insertion; a definition has it by digest.
            var sorted = definition.Metadata.OrderBy(m => m.Key, StringComparer.Ordinal).ToArray();
            definition.Metadata.Clear();
            foreach (var (digest, metadata) in sorted)
                definition.Metadata[digest] = metadata;
            if (json.RootElement.TryGetProperty("source", out var source))
                definition.Source = JsonParser.Default.Parse<Source>(source.GetRawText());
            return definition;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or InvalidProtocolBufferException)
        {
            throw new FormatException($"This is no dump of a definition: {e.Message}", e);
        }
    }

    /// <summary>A graph in Graphviz' DOT language: a node for each op, an edge for each input.</summary>
    public static string ToDot(Definition definition)
    {
        var text = new StringBuilder("digraph llb {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        var ops = DefinitionReader.Read(definition);
        for (var i = 0; i < ops.Count; i++)
        {
            var op = ops[i];
            var last = i == ops.Count - 1;
            var label = last ? "result" : op.Name.Length > 0 ? op.Name : Describe(op.Op);
            text.Append(CultureInfo.InvariantCulture, $"  \"{Short(op.Digest)}\" [label={Quote(label)}{(last ? ", shape=ellipse" : "")}, tooltip={Quote(op.Digest)}];\n");
            foreach (var input in op.Op.Inputs)
                text.Append(CultureInfo.InvariantCulture, $"  \"{Short(input.Digest)}\" -> \"{Short(op.Digest)}\"{(input.Index == 0 ? "" : $" [label=\"{input.Index}\"]")};\n");
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>What an op does, in a few words.</summary>
    public static string Describe(Op op) => op.OpCase switch
    {
        Op.OpOneofCase.Source => op.Source.Identifier,
        Op.OpOneofCase.Exec => string.Join(' ', op.Exec.Meta.Args),
        Op.OpOneofCase.File => string.Join(", ", op.File.Actions.Select(Describe)),
        Op.OpOneofCase.Merge => "merge",
        Op.OpOneofCase.Diff => "diff",
        _ => "op",
    };

    private static string Describe(Protocol.FileAction action) => action.ActionCase switch
    {
        Protocol.FileAction.ActionOneofCase.Copy => $"copy {action.Copy.Src} {action.Copy.Dest}",
        Protocol.FileAction.ActionOneofCase.Mkfile => $"mkfile {action.Mkfile.Path}",
        Protocol.FileAction.ActionOneofCase.Mkdir => $"mkdir {action.Mkdir.Path}",
        Protocol.FileAction.ActionOneofCase.Rm => $"rm {action.Rm.Path}",
        Protocol.FileAction.ActionOneofCase.Symlink => $"symlink {action.Symlink.Newpath}",
        _ => "action",
    };

    private static string Short(string digest) => digest["sha256:".Length..][..ShortDigest];

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
            quoted.Append(c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "", _ => c.ToString() });
        return quoted.Append('"').ToString();
    }
}
