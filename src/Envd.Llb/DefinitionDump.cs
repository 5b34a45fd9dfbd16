using System.Text;
using Envd.Llb.Protocol;

namespace Envd.Llb;

/// <summary>Reads a <see cref="Definition"/> back as text that a person can review.</summary>
public static class DefinitionDump
{
    /// <summary>One JSON object a line and op: its digest, its name, its inputs, and the op in protobuf's JSON mapping.</summary>
    public static string ToText(Definition definition)
    {
        var text = new StringBuilder();
        foreach (var bytes in definition.Def)
        {
            var digest = Marshaller.Digest(bytes);
            var op = Op.Parser.ParseFrom(bytes);
            text.Append(digest).Append(' ');
            if (definition.Metadata.TryGetValue(digest, out var metadata)
                && metadata.Description.TryGetValue("llb.customname", out var name))
                text.Append('[').Append(name).Append("] ");
            text.Append(op.ToString()).Append('\n');
        }
        return text.ToString();
    }
}
