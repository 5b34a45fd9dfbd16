namespace Envd.Llb;

/// <summary>What belongs to a vertex but not to its digest.</summary>
public sealed record VertexOptions
{
    /// <summary>What people read in progress output.</summary>
    public string Name { get; init; } = "";

    /// <summary>An opaque mark that <see cref="MarshalledGraph.Origins"/> returns beside the vertex' digest.</summary>
    public string Origin { get; init; } = "";

    /// <summary>Runs the vertex even where the engine holds its result.</summary>
    public bool IgnoreCache { get; init; }
}

/// <summary>What of a client's folder is sent (BuildKit's <c>local.*</c> source attributes).</summary>
public sealed record LocalOptions
{
    /// <summary>Patterns in .dockerignore's language; empty means everything.</summary>
    public IReadOnlyList<string> IncludePatterns { get; init; } = [];

    /// <summary>Patterns in .dockerignore's language, applied after the included ones.</summary>
    public IReadOnlyList<string> ExcludePatterns { get; init; } = [];

    /// <summary>A stable text that lets the engine reuse the last transfer of the same folder.</summary>
    public string SharedKeyHint { get; init; } = "";
}
