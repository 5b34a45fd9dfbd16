using System.Security.Cryptography;
using Envd.Llb.Protocol;
using Envd.Llb.Vertices;
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
    public static MarshalledGraph Marshal(State state) => new Writing().Run(state);

    /// <summary>The digest of an op: <c>sha256:</c> and the hash of its bytes.</summary>
    public static string Digest(ByteString op)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(op.Span, hash);
        return string.Create(7 + SHA256.HashSizeInBytes * 2, hash, static (span, hash) =>
        {
            "sha256:".CopyTo(span);
            Convert.TryToHexStringLower(hash, span[7..], out _);
        });
    }

    /// <summary>One marshal and what it has written so far.</summary>
    private sealed class Writing
    {
        private readonly Definition _definition = new();
        private readonly Dictionary<Vertex, string> _digests = new(ReferenceEqualityComparer.Instance);
        private readonly SortedDictionary<string, OpMetadata> _metadata = new(StringComparer.Ordinal);
        private readonly Dictionary<string, string> _origins = new(StringComparer.Ordinal);
        private readonly SourceMapWriter _sources = new();

        public MarshalledGraph Run(State state)
        {
            if (state.Vertex is { } root)
            {
                foreach (var vertex in InOrder(root))
                    _digests[vertex] = Write(vertex);
                // The terminal op holds nothing but the input that is the result.
                var terminal = new Op();
                terminal.Inputs.Add(new Input { Digest = _digests[root], Index = state.Output });
                var bytes = terminal.ToByteString();
                _definition.Def.Add(bytes);
                _metadata[Digest(bytes)] = new OpMetadata { Caps = { ["constraints"] = true, ["platform"] = true } };
                foreach (var (digest, entry) in _metadata)
                    _definition.Metadata[digest] = entry;
                _definition.Source = _sources.Build();
            }
            return new MarshalledGraph(_definition, _origins);
        }

        private string Write(Vertex vertex)
        {
            var op = new Op { Constraints = new WorkerConstraints() };
            foreach (var input in vertex.Inputs)
                op.Inputs.Add(new Input { Digest = _digests[input.Vertex!], Index = input.Output });
            var caps = new SortedSet<string>(StringComparer.Ordinal) { "constraints" };
            vertex.Fill(op, caps);
            if (op.Platform is not null)
                caps.Add("platform");
            var bytes = op.ToByteString();
            var digest = Digest(bytes);
            // The engine names a failed vertex' places by its digest, and two items may have made one vertex.
            _sources.Add(digest, vertex.Options.Locations);
            if (_metadata.ContainsKey(digest))
                return digest;

            _definition.Def.Add(bytes);
            _metadata[digest] = Metadata(vertex, caps);
            if (vertex.Options.Origin.Length > 0)
                _origins[digest] = vertex.Options.Origin;
            return digest;
        }

        private static OpMetadata Metadata(Vertex vertex, SortedSet<string> caps)
        {
            var options = vertex.Options;
            var metadata = vertex.Metadata();
            if (options.IgnoreCache)
            {
                metadata.IgnoreCache = true;
                caps.Add("meta.ignorecache");
            }
            if (options.Name.Length > 0 || options.Description.Count > 0)
            {
                var description = new SortedDictionary<string, string>(StringComparer.Ordinal);
                foreach (var (key, value) in options.Description)
                    description[key] = value;
                if (options.Name.Length > 0)
                    description["llb.customname"] = options.Name;
                metadata.Description.Add(description);
                caps.Add("meta.description");
            }
            if (options.ExportCache is { } export)
            {
                metadata.ExportCache = new ExportCache { Value = export };
                caps.Add("meta.exportcache");
            }
            if (options.Group is { } group)
                metadata.ProgressGroup = new Protocol.ProgressGroup { Id = group.Id, Name = group.Name, Weak = group.Weak };
            foreach (var cap in caps)
                metadata.Caps[cap] = true;
            return metadata;
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
}

/// <summary>What <see cref="Marshaller.Marshal(State)"/> returns.</summary>
/// <param name="Definition">BuildKit's message; empty for <see cref="State.Scratch"/>.</param>
/// <param name="Origins">From a vertex' digest to its <see cref="VertexOptions.Origin"/>.</param>
public sealed record MarshalledGraph(Definition Definition, IReadOnlyDictionary<string, string> Origins)
{
    /// <summary>The definition's bytes, as <c>buildctl build</c> and every other client take them on standard input.</summary>
    public byte[] ToBytes() => Definition.ToByteArray();
}
