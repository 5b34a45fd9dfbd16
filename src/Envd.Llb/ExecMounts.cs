namespace Envd.Llb;

/// <summary>Something mounted while a command runs.</summary>
/// <param name="Target">An absolute path in the step's file system.</param>
public abstract record ExecMount(string Target);

/// <summary>A tree; its content, not its history, decides whether the step is cached.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Source">The tree.</param>
/// <param name="Selector">A file or folder in the tree; empty mounts all of it.</param>
public sealed record BindMount(string Target, State Source, string Selector = "") : ExecMount(Target)
{
    /// <summary>The command may change it; <see cref="ExecResult.Mount"/> has what it leaves.</summary>
    public bool Writable { get; init; }
}

/// <summary>A folder that the engine keeps between builds and never puts into an image.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">Steps with one id share the folder.</param>
/// <param name="Sharing">What happens when two steps want it at once.</param>
public sealed record CacheMount(string Target, string Id, CacheSharing Sharing = CacheSharing.Shared) : ExecMount(Target)
{
    /// <summary>What an empty cache starts with; null is nothing.</summary>
    public State? Source { get; init; }

    /// <summary>A folder of <see cref="Source"/>; empty is all of it.</summary>
    public string Selector { get; init; } = "";
}

/// <summary>An empty folder in memory.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Size">Its limit in bytes; 0 is none.</param>
public sealed record TmpfsMount(string Target, long Size = 0) : ExecMount(Target);

/// <summary>A secret of the session as a file that exists while the step runs.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">The secret's id.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record SecretMount(string Target, string Id, int Mode = 0x100) : ExecMount(Target)
{
    /// <summary>The owner's user id.</summary>
    public uint User { get; init; }

    /// <summary>The owner's group id.</summary>
    public uint Group { get; init; }

    /// <summary>A session without the secret is no error; the file is then not there.</summary>
    public bool Optional { get; init; }
}

/// <summary>The client's ssh agent as a socket that exists while the step runs.</summary>
/// <param name="Target">Where it appears.</param>
/// <param name="Id">The agent's id in the session.</param>
public sealed record SshMount(string Target, string Id = "default") : ExecMount(Target)
{
    /// <summary>The owner's user id.</summary>
    public uint User { get; init; }

    /// <summary>The owner's group id.</summary>
    public uint Group { get; init; }

    /// <summary>Permission bits.</summary>
    public int Mode { get; init; } = 0x180;

    /// <summary>A session without the agent is no error; the socket is then not there.</summary>
    public bool Optional { get; init; }
}

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
