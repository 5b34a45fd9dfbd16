using Envd.Llb.Protocol;
using Envd.Llb.Vertices;
using Google.Protobuf;

namespace Envd.Llb;

/// <summary>Reads a <see cref="Definition"/>: the ops in order, and the state that it was made of.</summary>
public static class DefinitionReader
{
    /// <summary>The ops of a definition, inputs before what uses them; the last one is the terminal op, whose one input is the result.</summary>
    /// <exception cref="FormatException">An op is none, or names an input that is not there.</exception>
    public static IReadOnlyList<DefinitionOp> Read(Definition definition)
    {
        var result = new List<DefinitionOp>(definition.Def.Count);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var bytes in definition.Def)
        {
            Op op;
            try
            {
                op = Op.Parser.ParseFrom(bytes);
            }
            catch (InvalidProtocolBufferException e)
            {
                throw new FormatException($"Op {result.Count} of the definition cannot be read: {e.Message}", e);
            }
            foreach (var input in op.Inputs)
                if (!seen.Contains(input.Digest))
                    throw new FormatException($"Op {result.Count} of the definition uses {input.Digest}, which is not before it.");
            var digest = Marshaller.Digest(bytes);
            seen.Add(digest);
            result.Add(new DefinitionOp(digest, op, definition.Metadata.TryGetValue(digest, out var metadata) ? metadata : new OpMetadata()));
        }
        return result;
    }

    /// <summary>The state of a definition, to be marshalled again or built upon. Marshalling it as it is gives the same bytes, but for source maps.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public static State ToState(Definition definition)
    {
        var ops = Read(definition);
        if (ops.Count == 0)
            return State.Scratch;
        var vertices = new Dictionary<string, Vertex>(StringComparer.Ordinal);
        foreach (var op in ops.SkipLast(1))
            vertices[op.Digest] = new RawVertex(op.Op, op.Metadata, [.. op.Op.Inputs.Select(i => new State(vertices[i.Digest], (int)i.Index))]);
        return ops[^1].Op is { OpCase: Op.OpOneofCase.None, Inputs: [var result] }
            ? new State(vertices[result.Digest], (int)result.Index)
            : throw new FormatException("The definition does not end with its result.");
    }
}

/// <summary>An op of a definition.</summary>
/// <param name="Digest"><c>sha256:</c> and the hash of its bytes.</param>
/// <param name="Op">BuildKit's message.</param>
/// <param name="Metadata">Its name, its capabilities and more.</param>
public sealed record DefinitionOp(string Digest, Op Op, OpMetadata Metadata)
{
    /// <summary>The name that people read in progress output; empty where it has none.</summary>
    public string Name => Metadata.Description.TryGetValue("llb.customname", out var name) ? name : "";
}
