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

    /// <summary>Reads the bytes of env.graph.json.</summary>
    /// <exception cref="JsonException">They are none.</exception>
    public static EnvironmentGraph Read(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, GraphJson.Default.EnvironmentGraph) ?? throw new JsonException("The graph is empty.");

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
[JsonDerivedType(typeof(DownloadOperation), "download")]
[JsonDerivedType(typeof(GitOperation), "git")]
[JsonDerivedType(typeof(RunOperation), "run")]
[JsonDerivedType(typeof(FilesOperation), "files")]
[JsonDerivedType(typeof(MergeOperation), "merge")]
[JsonDerivedType(typeof(DiffOperation), "diff")]
[JsonDerivedType(typeof(LayoutOperation), "layout")]
public abstract record GraphOperation
{
    /// <summary>The nodes that it takes from.</summary>
    [JsonIgnore]
    public virtual IEnumerable<string> TakesFrom => [];
}

/// <summary>An image's tree.</summary>
/// <param name="Reference">Fully qualified.</param>
/// <param name="Platform">Empty is the graph's.</param>
public sealed record ImageOperation(string Reference, string Platform = "") : GraphOperation;

/// <summary>An image of an OCI layout on the machine that builds.</summary>
/// <param name="Reference">With its digest.</param>
/// <param name="Store">Under which the session offers the layout.</param>
public sealed record LayoutOperation(string Reference, string Store) : GraphOperation;

/// <summary>A file of a web server.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Checksum"><c>sha256:…</c>, or empty.</param>
/// <param name="FileName">Its name in the tree.</param>
public sealed record DownloadOperation(string Url, string Checksum, string FileName) : GraphOperation;

/// <summary>The tree of a git commit.</summary>
/// <param name="Remote">The repository.</param>
/// <param name="Reference">Branch, tag or commit; empty is the default branch.</param>
/// <param name="TokenSecret">The secret that holds a token for https; empty is none.</param>
/// <param name="SshAgent">The agent for ssh; empty is none.</param>
public sealed record GitOperation(string Remote, string Reference, string TokenSecret, string SshAgent) : GraphOperation;

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

    /// <summary>Folders before the PATH of the base.</summary>
    public IReadOnlyList<string> PathPrefix { get; init; } = [];

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

    /// <summary>Folders in memory.</summary>
    public IReadOnlyList<string> Memory { get; init; } = [];

    /// <summary>Ids of secrets, each a file /run/secrets/ID while the command runs.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>The ssh agent that the command may use; empty is none.</summary>
    public string SshAgent { get; init; } = "";

    /// <summary>Empty is the engine's.</summary>
    public string Platform { get; init; } = "";

    /// <summary>All that is taken from what the command leaves; who has these files need not run it. Null is not known.</summary>
    public IReadOnlyList<FetchedFile>? Fetched { get; init; }

    /// <inheritdoc />
    [JsonIgnore]
    public override IEnumerable<string> TakesFrom => Binds.Select(b => b.From).Prepend(On);
}

/// <summary>A file that a command fetches.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Sha256">Its digest in hexadecimal.</param>
public sealed record FetchedFile(string Path, string Sha256)
{
    /// <summary>Without its folder.</summary>
    [JsonIgnore]
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];
}

/// <summary>A tree, or a part of it, that a command reads.</summary>
/// <param name="Target">Where.</param>
/// <param name="From">The node.</param>
/// <param name="Path">A file or folder of it; empty is all.</param>
public sealed record GraphBind(string Target, string From, string Path);

/// <summary>A folder that the engine keeps between builds.</summary>
/// <param name="Target">Where.</param>
/// <param name="Id">Shared by all that name it.</param>
/// <param name="Sharing"><c>shared</c>, <c>private</c> or <c>locked</c>.</param>
public sealed record GraphCache(string Target, string Id, string Sharing);

/// <summary>File actions, in order, in one place.</summary>
/// <param name="On">The node they apply to; empty is an empty tree.</param>
/// <param name="Actions">What is done.</param>
public sealed record FilesOperation(string On, IReadOnlyList<GraphFileAction> Actions) : GraphOperation
{
    /// <inheritdoc />
    [JsonIgnore]
    public override IEnumerable<string> TakesFrom => Actions.Select(a => a.From).Prepend(On).Where(s => s.Length > 0).Distinct(StringComparer.Ordinal);
}

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

    /// <summary>Deletes <see cref="Path"/>, which may have wildcards.</summary>
    public bool Delete { get; init; }

    /// <summary>The source is an archive, which is unpacked.</summary>
    public bool Unpack { get; init; }

    /// <summary><c>user[:group]</c>; empty is root.</summary>
    public string Owner { get; init; } = "";

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
public sealed record MergeOperation(IReadOnlyList<string> Inputs) : GraphOperation
{
    /// <inheritdoc />
    [JsonIgnore]
    public override IEnumerable<string> TakesFrom => Inputs;
}

/// <summary>What one tree adds to another.</summary>
/// <param name="Lower">The other.</param>
/// <param name="Upper">The one.</param>
public sealed record DiffOperation(string Lower, string Upper) : GraphOperation
{
    /// <inheritdoc />
    [JsonIgnore]
    public override IEnumerable<string> TakesFrom => [Upper, Lower];
}

/// <summary>An image's own configuration (OCI image specification, <c>config</c>), on top of its base's.</summary>
public sealed record ImageSettings
{
    /// <summary>Variables, as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Folders before the PATH of the base.</summary>
    public IReadOnlyList<string> PathPrefix { get; init; } = [];

    /// <summary>Folders of other search paths, or after the PATH of the base.</summary>
    public IReadOnlyList<GraphPathEntry> PathEntries { get; init; } = [];

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

    /// <summary>The command that says whether the image's service is ready; null keeps the base's.</summary>
    public IReadOnlyList<string>? HealthCheck { get; init; }

    /// <summary>As <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
}

/// <summary>A folder of a search path.</summary>
/// <param name="Variable">Such as <c>PATH</c>.</param>
/// <param name="Path">The folder.</param>
/// <param name="Append">After what is there.</param>
public sealed record GraphPathEntry(string Variable, string Path, bool Append);

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(EnvironmentGraph))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class GraphJson : JsonSerializerContext;
