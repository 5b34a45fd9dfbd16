namespace Envd.Llb;

/// <summary>How an image is looked for.</summary>
public sealed record ImageOptions
{
    /// <summary>Whether the engine's own store may answer.</summary>
    public ImageResolveMode ResolveMode { get; init; }

    /// <summary>Takes only this many of the image's layers; 0 takes all.</summary>
    public int LayerLimit { get; init; }

    /// <summary>The digest that the image must have; refused by engines older than BuildKit 0.20.</summary>
    public string? Checksum { get; init; }
}

/// <summary>Whether the engine's own image store may answer for an image.</summary>
public enum ImageResolveMode
{
    /// <summary>The engine's own choice: dockerd looks at its images first, buildkitd asks the registry.</summary>
    Default,

    /// <summary>The registry is asked always.</summary>
    Pull,

    /// <summary>The engine's images win.</summary>
    Local,
}

/// <summary>Which OCI layout of the session holds an image.</summary>
public sealed record OciLayoutOptions
{
    /// <summary>The store's id, as the session's <c>ContentStores</c> have it.</summary>
    public required string Store { get; init; }

    /// <summary>The session that offers it; empty is the solve's own.</summary>
    public string SessionId { get; init; } = "";

    /// <summary>Takes only this many of the image's layers; 0 takes all.</summary>
    public int LayerLimit { get; init; }
}

/// <summary>What of a client's folder is sent (BuildKit's <c>local.*</c> source attributes).</summary>
public sealed record LocalOptions
{
    /// <summary>Patterns in .dockerignore's language; empty means everything.</summary>
    public IReadOnlyList<string> IncludePatterns { get; init; } = [];

    /// <summary>Patterns in .dockerignore's language, applied after the included ones.</summary>
    public IReadOnlyList<string> ExcludePatterns { get; init; } = [];

    /// <summary>Paths whose links are followed: what they lead to, within the folder, is sent with them.</summary>
    public IReadOnlyList<string> FollowPaths { get; init; } = [];

    /// <summary>A stable text that lets the engine reuse the last transfer of the same folder.</summary>
    public string SharedKeyHint { get; init; } = "";

    /// <summary>The session that offers the folder; empty is the solve's own.</summary>
    public string SessionId { get; init; } = "";

    /// <summary>Keeps two clients with folders of one name apart.</summary>
    public string UniqueId { get; init; } = "";

    /// <summary>Files whose size and time are those of the last transfer are not sent again; false sends every file.</summary>
    public bool CompareMetadata { get; init; } = true;
}

/// <summary>How a file comes from a web server.</summary>
public sealed record HttpOptions
{
    /// <summary>Owner by ids; null is root.</summary>
    public FileOwner? Owner { get; init; }

    /// <summary>The session's secret that holds the <c>Authorization</c> header; refused by engines older than BuildKit 0.20.</summary>
    public string? AuthorizationSecret { get; init; }
}

/// <summary>Which commit of a git repository, and what of it.</summary>
public sealed record GitOptions
{
    /// <summary>A branch, tag or commit; empty is the remote's default branch.</summary>
    public string Reference { get; init; } = "";

    /// <summary>A folder of the repository that becomes the tree.</summary>
    public string Subdirectory { get; init; } = "";

    /// <summary>Leaves <c>.git</c> in the tree.</summary>
    public bool KeepGitDirectory { get; init; }

    /// <summary>The session's secret that holds a token for https.</summary>
    public string? TokenSecret { get; init; }

    /// <summary>The session's secret that holds a whole <c>Authorization</c> header for https.</summary>
    public string? HeaderSecret { get; init; }

    /// <summary>Lines of a known_hosts file for ssh.</summary>
    public string? KnownHosts { get; init; }

    /// <summary>The session's ssh agent for ssh; null uses none.</summary>
    public string? SshAgent { get; init; } = "default";

    /// <summary>The commit that the reference must be; refused by engines older than BuildKit 0.20.</summary>
    public string? Checksum { get; init; }
}
