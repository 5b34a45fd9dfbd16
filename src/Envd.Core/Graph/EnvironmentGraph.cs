using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Graph;

/// <summary>The states that make an image: env.graph.json. Nodes come after what they depend on.</summary>
public sealed record EnvironmentGraph
{
    /// <summary>Whether trees are merged, or built one upon the other.</summary>
    public required string Plan { get; init; }

    /// <summary>Such as <c>linux/amd64</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>The node whose tree is the image.</summary>
    public required string Result { get; init; }

    /// <summary>The nodes.</summary>
    public required IReadOnlyList<GraphNode> Nodes { get; init; }

    /// <summary>What the image says about itself, on top of what its base says.</summary>
    public required ImageSettings Image { get; init; }

    /// <summary>The bytes of env.graph.json.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Readable.EnvironmentGraph), (byte)'\n'];

    private static readonly GraphJson Readable = new(new JsonSerializerOptions(GraphJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

/// <summary>A state of the graph.</summary>
public sealed record GraphNode
{
    /// <summary>Unique; other nodes name it.</summary>
    public required string Id { get; init; }

    /// <summary>What people read.</summary>
    public required string Title { get; init; }

    /// <summary>The item behind it, such as <c>AptPackage:git</c>; empty for what belongs to no single one.</summary>
    public string Origin { get; init; } = "";

    /// <summary>What makes the state.</summary>
    public required GraphOperation Operation { get; init; }
}

/// <summary>What makes a state.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ImageOperation), "image")]
[JsonDerivedType(typeof(ContextOperation), "context")]
[JsonDerivedType(typeof(RunOperation), "run")]
[JsonDerivedType(typeof(FilesOperation), "files")]
[JsonDerivedType(typeof(MergeOperation), "merge")]
[JsonDerivedType(typeof(DiffOperation), "diff")]
public abstract record GraphOperation;

/// <summary>An image's tree.</summary>
/// <param name="Reference">Fully qualified.</param>
public sealed record ImageOperation(string Reference) : GraphOperation;

/// <summary>A folder of the machine that builds.</summary>
/// <param name="Name">Under which the session offers it.</param>
/// <param name="Patterns">What of it is sent; empty is all.</param>
public sealed record ContextOperation(string Name, IReadOnlyList<string> Patterns) : GraphOperation;

/// <summary>A command.</summary>
public sealed record RunOperation : GraphOperation
{
    /// <summary>The node that it runs on.</summary>
    public required string On { get; init; }

    /// <summary>The argument vector.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Variables beside those of the base, as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Where it runs.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>Empty is the engine's default.</summary>
    public string Network { get; init; } = "";

    /// <summary>Trees that it reads.</summary>
    public IReadOnlyList<GraphBind> Binds { get; init; } = [];

    /// <summary>Folders that the engine keeps.</summary>
    public IReadOnlyList<GraphCache> Caches { get; init; } = [];
}

/// <summary>A tree, or a part of it, that a command reads.</summary>
/// <param name="Target">Where.</param>
/// <param name="From">The node.</param>
/// <param name="Path">A file or folder of it; empty is all.</param>
public sealed record GraphBind(string Target, string From, string Path);

/// <summary>A folder that the engine keeps between builds.</summary>
/// <param name="Target">Where.</param>
/// <param name="Id">Shared by all that name it.</param>
/// <param name="Locked">One at a time.</param>
public sealed record GraphCache(string Target, string Id, bool Locked);

/// <summary>File actions, in order, in one place.</summary>
/// <param name="On">The node they apply to; empty is an empty tree.</param>
/// <param name="Actions">What is done.</param>
public sealed record FilesOperation(string On, IReadOnlyList<GraphFileAction> Actions) : GraphOperation;

/// <summary>A file action: a copy, a file, or a folder.</summary>
public sealed record GraphFileAction
{
    /// <summary>Where.</summary>
    public required string Path { get; init; }

    /// <summary>The node that is copied from; empty writes <see cref="Text"/>, or makes a folder where that is null.</summary>
    public string From { get; init; } = "";

    /// <summary>What of it is copied.</summary>
    public string Source { get; init; } = "";

    /// <summary>What lies in the folder, rather than the folder.</summary>
    public bool ContentsOnly { get; init; }

    /// <summary>The source has wildcards.</summary>
    public bool Wildcard { get; init; }

    /// <summary>Patterns below the source.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>A file's text.</summary>
    public string? Text { get; init; }

    /// <summary>Permission bits in octal; empty keeps them.</summary>
    public string Mode { get; init; } = "";
}

/// <summary>Trees laid over each other, bottom first.</summary>
/// <param name="Inputs">Nodes.</param>
public sealed record MergeOperation(IReadOnlyList<string> Inputs) : GraphOperation;

/// <summary>What one tree adds to another.</summary>
/// <param name="Lower">The other.</param>
/// <param name="Upper">The one.</param>
public sealed record DiffOperation(string Lower, string Upper) : GraphOperation;

/// <summary>An image's own configuration (OCI image specification, <c>config</c>), on top of its base's.</summary>
public sealed record ImageSettings
{
    /// <summary>Variables, as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Folders before the PATH of the base.</summary>
    public IReadOnlyList<string> PathPrefix { get; init; } = [];

    /// <summary>What PID 1 is; null keeps the base's.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    /// <summary>Its arguments; null keeps the base's.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>The user of PID 1; empty keeps the base's.</summary>
    public string User { get; init; } = "";

    /// <summary>Empty keeps the base's.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>As <c>8888/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>As <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
}

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(EnvironmentGraph))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class GraphJson : JsonSerializerContext;
