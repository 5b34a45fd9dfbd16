namespace Envd.Llb;

/// <summary>The network of a step (BuildKit's <c>NetMode</c>).</summary>
public enum NetworkMode
{
    /// <summary>The engine's own sandbox network.</summary>
    Default,

    /// <summary>The engine's host network; needs the entitlement <c>network.host</c>.</summary>
    Host,

    /// <summary>Loopback alone.</summary>
    None,
}

/// <summary>A command and what it runs with (BuildKit's <c>ExecOp</c>).</summary>
public sealed record ExecOptions
{
    /// <summary>The argument vector; no shell is involved unless it names one.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Environment variables in the order given, as <c>NAME</c> and value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>An absolute folder, made where it does not exist.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>A user as <c>name</c>, <c>uid</c> or <c>uid:gid</c>; empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>Mounts beside the root file system.</summary>
    public IReadOnlyList<ExecMount> Mounts { get; init; } = [];

    /// <summary>The step's network.</summary>
    public NetworkMode Network { get; init; }
}

/// <summary>Something mounted while a command runs.</summary>
/// <param name="Target">An absolute path in the step's file system.</param>
public abstract record ExecMount(string Target);

/// <summary>A tree, read only; its content, not its history, decides whether the step is cached.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Source">The tree.</param>
/// <param name="Selector">A file or folder in the tree; empty mounts all of it.</param>
public sealed record BindMount(string Target, State Source, string Selector = "") : ExecMount(Target);

/// <summary>A folder that the engine keeps between builds and never puts into an image.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">Steps with one id share the folder.</param>
/// <param name="Sharing">What happens when two steps want it at once.</param>
public sealed record CacheMount(string Target, string Id, CacheSharing Sharing = CacheSharing.Shared) : ExecMount(Target);

/// <summary>An empty folder in memory.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Size">Its limit in bytes; 0 is none.</param>
public sealed record TmpfsMount(string Target, long Size = 0) : ExecMount(Target);

/// <summary>A secret of the session as a file that exists while the step runs.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">The secret's id.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record SecretMount(string Target, string Id, int Mode = 0x100) : ExecMount(Target);

/// <summary>The client's ssh agent as a socket that exists while the step runs.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">The agent's id in the session.</param>
public sealed record SshMount(string Target, string Id = "default") : ExecMount(Target);

/// <summary>How steps share a cache mount.</summary>
public enum CacheSharing
{
    /// <summary>At the same time.</summary>
    Shared,

    /// <summary>Each its own copy.</summary>
    Private,

    /// <summary>One after another.</summary>
    Locked,
}
