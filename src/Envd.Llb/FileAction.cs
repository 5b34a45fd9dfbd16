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

    /// <summary>Patterns below <see cref="Source"/> in .dockerignore's language; empty means everything.</summary>
    public IReadOnlyList<string> IncludePatterns { get; init; } = [];

    /// <summary>Permission bits for every file; -1 keeps them.</summary>
    public int Mode { get; init; } = -1;

    /// <summary>Owner as ids; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Writes a small file. Large ones belong into a <see cref="State.Local"/>: dockerd takes definitions of 4 MiB at most.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Data">Its bytes.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record MakeFileAction(string Path, ReadOnlyMemory<byte> Data, int Mode) : FileAction
{
    /// <summary>Owner as ids; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Makes a folder and its parents.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record MakeDirectoryAction(string Path, int Mode) : FileAction
{
    /// <summary>Owner as ids; null is root.</summary>
    public FileOwner? Owner { get; init; }
}

/// <summary>Deletes a file or folder, if it is there.</summary>
/// <param name="Path">Absolute; may hold Go's wildcards.</param>
public sealed record RemoveAction(string Path) : FileAction;

/// <summary>Who owns what an action makes: numeric, so that no /etc/passwd is asked.</summary>
/// <param name="User">User id.</param>
/// <param name="Group">Group id.</param>
public sealed record FileOwner(uint User, uint Group);
