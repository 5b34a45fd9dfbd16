using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

/// <summary>A node of the graph: its inputs, and how it becomes an op once the inputs' digests are known.</summary>
internal abstract class Vertex(IReadOnlyList<State> inputs, VertexOptions? options)
{
    /// <summary>The distinct non-empty inputs, in the order in which the op names them.</summary>
    public IReadOnlyList<State> Inputs { get; } = inputs;

    public VertexOptions Options { get; } = options ?? VertexOptions.None;

    /// <summary>Writes the op's own part, and the capabilities that exactly this op needs.</summary>
    public abstract void Fill(Op op, ISet<string> caps);

    /// <summary>The metadata to start from; <see cref="Options"/> and the capabilities are added to it.</summary>
    public virtual OpMetadata Metadata() => new();

    protected int IndexOf(State state)
    {
        for (var i = 0; i < Inputs.Count; i++)
            if (Inputs[i].Vertex == state.Vertex && Inputs[i].Output == state.Output)
                return i;
        return -1;
    }

    protected static IReadOnlyList<State> Distinct(IEnumerable<State> states)
    {
        var seen = new HashSet<(Vertex, int)>();
        var result = new List<State>();
        foreach (var state in states)
            if (state.Vertex is { } vertex && seen.Add((vertex, state.Output)))
                result.Add(state);
        return result;
    }
}
