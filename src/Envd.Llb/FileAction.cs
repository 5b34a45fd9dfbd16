namespace Envd.Llb;

/// <summary>One action of a file vertex (BuildKit's <c>FileAction</c>).</summary>
public abstract record FileAction
{
    /// <summary>Nanoseconds since 1970 for what is made; -1 is the time of the build.</summary>
    public long Timestamp { get; init; } = -1;
}

/// <summary>Copies from another tree.</summary>
/// <param name="From">The tree.</param>
/// <param name="Source">A path in it.</param>
/// <param name="Destination">A path in the tree that is made; ending in <c>/</c> it is a folder.</param>
public sealed record CopyAction(State From, string Source, string Destination) : FileAction
{
    /// <summary>Copies what lies in a folder instead of the folder.</summary>
    public bool ContentsOnly { get; init; }

    /// <summary>Go's wildcards in <see cref="Source"/>.</summary>
    public bool AllowWildcard { get; init; }

    /// <summary>Wildcards that match nothing are no error.</summary>
    public bool AllowEmptyWildcard { get; init; }

    /// <summary>Copies what a link in <see cref="Source"/> leads to instead of the link.</summary>
    public bool FollowLinks { get; init; }

    /// <summary>Unpacks a tar archive, compressed or not, instead of copying it.</summary>
    public bool Unpack { get; init; }

    /// <summary>Makes the destination's folders.</summary>
    public bool CreateDestination { get; init; } = true;

    /// <summary>Replaces a file by a folder, or the other way round, instead of failing; refused by engines older than BuildKit 0.14.</summary>
    public bool AlwaysReplace { get; init; }

    /// <summary>Patterns below <see cref="Source"/> in .dockerignore's language; empty means everything.</summary>
    public IReadOnlyList<string> IncludePatterns { get; init; } = [];

    /// <summary>Patterns below <see cref="Source"/> of what is left out.</summary>
    public IReadOnlyList<string> ExcludePatterns { get; init; } = [];

    /// <summary>Permission bits for every file; -1 keeps them.</summary>
    public int Mode { get; init; } = -1;

    /// <summary>The owner; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Writes a small file. Large ones belong into a <see cref="State.Local"/>: dockerd takes definitions of 4 MiB at most.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Data">Its bytes.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record MakeFileAction(string Path, ReadOnlyMemory<byte> Data, int Mode) : FileAction
{
    /// <summary>The owner; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Makes a folder.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record MakeDirectoryAction(string Path, int Mode) : FileAction
{
    /// <summary>Makes its parents too, and is content with a folder that is there.</summary>
    public bool MakeParents { get; init; } = true;

    /// <summary>The owner; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Deletes a file or folder.</summary>
/// <param name="Path">Absolute; may hold Go's wildcards.</param>
public sealed record RemoveAction(string Path) : FileAction
{
    /// <summary>Nothing there is no error.</summary>
    public bool AllowNotFound { get; init; } = true;

    /// <summary>Go's wildcards in <see cref="Path"/>.</summary>
    public bool AllowWildcard { get; init; } = true;
}

/// <summary>Makes a symbolic link. Refused by engines older than BuildKit 0.19.</summary>
/// <param name="Target">Where the link leads; not looked at.</param>
/// <param name="Path">Absolute; the link itself.</param>
public sealed record LinkAction(string Target, string Path) : FileAction
{
    /// <summary>The owner; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Who owns what an action makes. Ids ask no /etc/passwd.</summary>
/// <param name="User">User id.</param>
/// <param name="Group">Group id.</param>
public sealed record FileOwner(uint User, uint Group)
{
    /// <summary>A user's name, which wins over <see cref="User"/> and is looked up in the tree that the actions start from.</summary>
    public string UserName { get; init; } = "";

    /// <summary>A group's name, which wins over <see cref="Group"/> and is looked up in the tree that the actions start from.</summary>
    public string GroupName { get; init; } = "";
}
