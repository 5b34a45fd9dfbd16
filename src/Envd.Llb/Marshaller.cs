using System.Security.Cryptography;
using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.Llb;

/// <summary>Turns a state into BuildKit's <see cref="Definition"/>: each op once, inputs before what uses them.</summary>
public static class Marshaller
{
    /// <summary>Marshals <paramref name="state"/> and all it depends on.</summary>
    /// <remarks>
    /// Deterministic: the same graph gives the same bytes. Linear in the number of ops, and not recursive, so that a
    /// chain of any length is fine.
    /// </remarks>
    public static MarshalledGraph Marshal(State state)
    {
        var definition = new Definition();
        var origins = new Dictionary<string, string>(StringComparer.Ordinal);
        var digests = new Dictionary<Vertex, string>(ReferenceEqualityComparer.Instance);
        if (state.Vertex is { } root)
        {
            var metadata = new SortedDictionary<string, OpMetadata>(StringComparer.Ordinal);
            foreach (var vertex in InOrder(root))
                digests[vertex] = Write(vertex, digests, definition, metadata, origins);
            // The terminal op holds nothing but the input that is the result.
            var terminal = new Op();
            terminal.Inputs.Add(new Input { Digest = digests[root], Index = state.Output });
            var bytes = terminal.ToByteString();
            definition.Def.Add(bytes);
            metadata[Digest(bytes)] = new OpMetadata { Caps = { ["constraints"] = true, ["platform"] = true } };
            foreach (var (digest, entry) in metadata)
                definition.Metadata[digest] = entry;
        }
        return new MarshalledGraph(definition, origins);
    }

    /// <summary>The digest of an op: <c>sha256:</c> and the hash of its bytes.</summary>
    public static string Digest(ByteString op)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(op.Span, hash);
        return "sha256:" + Convert.ToHexStringLower(hash);
    }

    private static string Write(Vertex vertex, Dictionary<Vertex, string> digests, Definition definition,
        SortedDictionary<string, OpMetadata> metadata, Dictionary<string, string> origins)
    {
        var op = new Op { Constraints = new WorkerConstraints() };
        foreach (var input in vertex.Inputs)
            op.Inputs.Add(new Input { Digest = digests[input.Vertex!], Index = input.Output });
        var caps = new SortedSet<string>(StringComparer.Ordinal) { "constraints" };
        vertex.Fill(op, caps);
        if (op.Platform is not null)
            caps.Add("platform");
        var bytes = op.ToByteString();
        var digest = Digest(bytes);
        if (metadata.ContainsKey(digest))
            return digest;

        definition.Def.Add(bytes);
        var entry = new OpMetadata { IgnoreCache = vertex.Options.IgnoreCache };
        if (vertex.Options.IgnoreCache)
            caps.Add("meta.ignorecache");
        if (vertex.Options.Name.Length > 0)
        {
            entry.Description["llb.customname"] = vertex.Options.Name;
            caps.Add("meta.description");
        }
        foreach (var cap in caps)
            entry.Caps[cap] = true;
        metadata[digest] = entry;
        if (vertex.Options.Origin.Length > 0)
            origins[digest] = vertex.Options.Origin;
        return digest;
    }

    /// <summary>Every vertex after its inputs, by an explicit stack.</summary>
    private static IEnumerable<Vertex> InOrder(Vertex root)
    {
        var done = new HashSet<Vertex>(ReferenceEqualityComparer.Instance);
        var stack = new Stack<(Vertex Vertex, int Next)>();
        stack.Push((root, 0));
        while (stack.TryPop(out var top))
        {
            if (top.Next < top.Vertex.Inputs.Count)
            {
                stack.Push((top.Vertex, top.Next + 1));
                var input = top.Vertex.Inputs[top.Next].Vertex!;
                if (!done.Contains(input))
                    stack.Push((input, 0));
            }
            else if (done.Add(top.Vertex))
            {
                yield return top.Vertex;
            }
        }
    }
}

/// <summary>What <see cref="Marshaller.Marshal"/> returns.</summary>
/// <param name="Definition">BuildKit's message; empty for <see cref="State.Scratch"/>.</param>
/// <param name="Origins">From a vertex' digest to its <see cref="VertexOptions.Origin"/>.</param>
public sealed record MarshalledGraph(Definition Definition, IReadOnlyDictionary<string, string> Origins)
{
    /// <summary>The definition's bytes, as <c>buildctl build</c> and every other client take them on standard input.</summary>
    public byte[] ToBytes() => Definition.ToByteArray();
}
