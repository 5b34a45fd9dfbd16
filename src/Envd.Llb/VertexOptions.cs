namespace Envd.Llb;

/// <summary>What belongs to a vertex but not to its digest.</summary>
public sealed record VertexOptions
{
    internal static VertexOptions None { get; } = new();

    /// <summary>What people read in progress output.</summary>
    public string Name { get; init; } = "";

    /// <summary>More entries of the op's description, which engines keep and show.</summary>
    public IReadOnlyDictionary<string, string> Description { get; init; } = new Dictionary<string, string>();

    /// <summary>An opaque mark that <see cref="MarshalledGraph.Origins"/> returns beside the vertex' digest.</summary>
    public string Origin { get; init; } = "";

    /// <summary>Runs the vertex even where the engine holds its result.</summary>
    public bool IgnoreCache { get; init; }

    /// <summary>Whether an exported cache holds the result; null leaves it to the engine.</summary>
    public bool? ExportCache { get; init; }

    /// <summary>What the vertex is a part of, for those who show progress.</summary>
    public ProgressGroup? Group { get; init; }

    /// <summary>Where the vertex was written down; a failed step's error names it.</summary>
    public IReadOnlyList<SourceLocation> Locations { get; init; } = [];
}

/// <summary>Vertices that belong together.</summary>
/// <param name="Id">Vertices with one id belong together.</param>
/// <param name="Name">What people read.</param>
/// <param name="Weak">Leaves the group to another one that the vertex belongs to as well.</param>
public sealed record ProgressGroup(string Id, string Name, bool Weak = false);

/// <summary>A file that vertices were written down in.</summary>
/// <param name="Name">Its name, for people.</param>
/// <param name="Text">Its text.</param>
/// <param name="Language">Such as <c>Dockerfile</c>; empty where it has none.</param>
public sealed record SourceFile(string Name, ReadOnlyMemory<byte> Text, string Language = "");

/// <summary>Lines of a source file.</summary>
/// <param name="File">The file.</param>
/// <param name="FirstLine">From 1.</param>
/// <param name="LastLine">From 1, inclusive.</param>
public sealed record SourceLocation(SourceFile File, int FirstLine, int LastLine);
