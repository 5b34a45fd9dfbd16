using Envd.Llb.Vertices;

namespace Envd.Llb;

/// <summary>
/// A file tree that BuildKit can produce: one output of one vertex, or <see cref="Scratch"/>. States are immutable;
/// every operation returns a new one, and nothing is sent anywhere until <see cref="Marshaller.Marshal(State)"/>.
/// </summary>
public sealed partial class State
{
    internal State(Vertex? vertex, int output)
    {
        Vertex = vertex;
        Output = output;
    }

    /// <summary>The empty tree.</summary>
    public static State Scratch { get; } = new(null, 0);

    internal Vertex? Vertex { get; }

    internal int Output { get; }

    /// <summary>True for the empty tree, which is no vertex.</summary>
    public bool IsScratch => Vertex is null;

    /// <summary>Lays trees over each other; a later one wins. Needs an engine with MergeOp.</summary>
    /// <param name="inputs">Bottom first; empty trees are passed over.</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Merge(IEnumerable<State> inputs, VertexOptions? options = null)
    {
        var real = inputs.Where(s => !s.IsScratch).ToArray();
        return real.Length switch
        {
            0 => Scratch,
            1 => real[0],
            _ => new(new MergeVertex(real, options), 0),
        };
    }

    /// <summary>What <paramref name="upper"/> adds to, changes in and deletes from <paramref name="lower"/>. Needs an engine with DiffOp.</summary>
    public static State Diff(State lower, State upper, VertexOptions? options = null) =>
        upper.IsScratch ? Scratch
        : lower.IsScratch ? upper
        : new(new DiffVertex(lower, upper, options), 0);

    /// <summary>Runs a command on this tree and returns the tree that it leaves.</summary>
    /// <exception cref="InvalidOperationException">The root is read only: <see cref="Execute"/> gives the mounts' results.</exception>
    public State Run(ExecOptions exec, VertexOptions? options = null) => Execute(exec, options).Root;

    /// <summary>Runs a command on this tree and returns all trees that it leaves: the root's and those of its writable mounts.</summary>
    /// <exception cref="ArgumentException">Two writable mounts have one target.</exception>
    public ExecResult Execute(ExecOptions exec, VertexOptions? options = null) => new(new ExecVertex(this, exec, options), exec.ReadOnlyRoot);

    /// <summary>Applies file actions, in order, as one vertex.</summary>
    public State File(IReadOnlyList<FileAction> actions, VertexOptions? options = null) =>
        actions.Count == 0 ? this : new(new FileVertex(this, actions, options), 0);
}

/// <summary>The trees that a command leaves.</summary>
public sealed class ExecResult
{
    private readonly ExecVertex _vertex;
    private readonly bool _readOnlyRoot;

    internal ExecResult(ExecVertex vertex, bool readOnlyRoot)
    {
        _vertex = vertex;
        _readOnlyRoot = readOnlyRoot;
    }

    /// <summary>The root file system after the command.</summary>
    /// <exception cref="InvalidOperationException">The root was read only.</exception>
    public State Root => _readOnlyRoot ? throw new InvalidOperationException("The root of this command is read only and has no result.") : new State(_vertex, 0);

    /// <summary>What the command left in a writable <see cref="BindMount"/>.</summary>
    /// <param name="target">The mount's target.</param>
    /// <exception cref="KeyNotFoundException">No writable mount has this target.</exception>
    public State Mount(string target) =>
        _vertex.Outputs.TryGetValue(target, out var output) ? new State(_vertex, output)
        : throw new KeyNotFoundException($"No writable mount at '{target}'.");
}
