using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

/// <summary>An op that was read from a definition: written again as it was, with whatever digests its inputs have now.</summary>
internal sealed class RawVertex(Op original, OpMetadata metadata, IReadOnlyList<State> inputs) : Vertex(inputs, null)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        var copy = original.Clone();
        copy.Inputs.Clear();
        copy.Inputs.AddRange(op.Inputs);
        op.Inputs.Clear();
        op.Constraints = null;
        op.MergeFrom(copy);
        caps.Clear();
        caps.UnionWith(metadata.Caps.Where(c => c.Value).Select(c => c.Key));
    }

    public override OpMetadata Metadata()
    {
        var copy = metadata.Clone();
        copy.Caps.Clear();
        return copy;
    }
}
