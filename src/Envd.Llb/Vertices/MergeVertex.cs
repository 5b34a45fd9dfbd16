using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

internal sealed class MergeVertex(IReadOnlyList<State> layers, VertexOptions? options) : Vertex(Distinct(layers), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.Merge = new MergeOp();
        var positions = new Dictionary<(Vertex, int), int>();
        for (var i = 0; i < Inputs.Count; i++)
            positions[(Inputs[i].Vertex!, Inputs[i].Output)] = i;
        foreach (var layer in layers)
            op.Merge.Inputs.Add(new MergeInput { Input = positions[(layer.Vertex!, layer.Output)] });
        caps.Add("mergeop");
    }
}
