using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

internal sealed class DiffVertex(State lower, State upper, VertexOptions? options) : Vertex(Distinct([lower, upper]), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.Diff = new DiffOp
        {
            Lower = new LowerDiffInput { Input = IndexOf(lower) },
            Upper = new UpperDiffInput { Input = IndexOf(upper) },
        };
        caps.Add("diffop");
    }
}
