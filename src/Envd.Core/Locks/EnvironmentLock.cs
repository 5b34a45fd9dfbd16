using System.Text.Json.Serialization;

namespace Envd.Core.Locks;

/// <summary>What the lock files hold for one platform: everything that a project names loosely, by version and digest.</summary>
/// <remarks>Python's part is pylock.toml, the rest envd.lock.json.</remarks>
public sealed record EnvironmentLock
{
    /// <summary>Such as <c>linux/amd64</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>Images by digest, the base among them, by reference.</summary>
    public IReadOnlyList<LockedImage> Images { get; init; } = [];

    /// <summary>Packages of apt, one group for each step that installs some.</summary>
    public IReadOnlyList<LockedAptGroup> Apt { get; init; } = [];

    /// <summary>Commits of git, by remote and reference.</summary>
    public IReadOnlyList<LockedGit> Git { get; init; } = [];

    /// <summary>Downloads that the project gives no checksum for, by address.</summary>
    public IReadOnlyList<LockedDownload> Downloads { get; init; } = [];

    /// <summary>Distributions of Python; null where there is no lock of them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PythonLock? Python { get; init; }
}

/// <summary>An image and what its name stood for.</summary>
/// <param name="Reference">As the project means it, qualified.</param>
/// <param name="Digest"><c>sha256:…</c> of its manifest or index.</param>
/// <param name="Platform">Where it differs from the lock's own.</param>
public sealed record LockedImage(string Reference, string Digest, string Platform = "");

/// <summary>What one step of apt installs, with all that it needs upon the base.</summary>
/// <param name="Step">The step's id in the graph.</param>
/// <param name="Packages">As the project asks for them: <c>name</c> or <c>name=version</c>.</param>
/// <param name="Sources">What else decides: mirrors, files of sources by digest.</param>
/// <param name="Debs">By name.</param>
public sealed record LockedAptGroup(string Step, IReadOnlyList<string> Packages, IReadOnlyList<string> Sources, IReadOnlyList<LockedDeb> Debs);

/// <summary>A package of apt.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Exact.</param>
/// <param name="Url">Where it was had.</param>
/// <param name="Sha256">Hexadecimal.</param>
/// <param name="Size">Bytes.</param>
public sealed record LockedDeb(string Name, string Version, string Url, string Sha256, long Size)
{
    /// <summary>The file's name: apt writes a colon as <c>%3a</c>.</summary>
    [JsonIgnore]
    public string File => Path.GetFileName(new Uri(Url).AbsolutePath).Replace("%3A", "%3a", StringComparison.Ordinal);
}

/// <summary>A commit.</summary>
public sealed record LockedGit(string Remote, string Reference, string Commit);

/// <summary>A download.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Checksum"><c>sha256:…</c>.</param>
public sealed record LockedDownload(string Url, string Checksum);

/// <summary>The distributions of one environment and platform.</summary>
public sealed record PythonLock
{
    /// <summary>What was resolved: requirements, files by digest, the wanted Python, indexes.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];

    /// <summary>By normalised name.</summary>
    public IReadOnlyList<LockedPackage> Packages { get; init; } = [];

    /// <summary>Large distributions in the order of their layers, bottom first.</summary>
    public IReadOnlyList<string> Large { get; init; } = [];
}

/// <summary>A distribution of Python.</summary>
public sealed record LockedPackage
{
    /// <summary>Normalised (PEP 503).</summary>
    public required string Name { get; init; }

    /// <summary>Exact (PEP 440).</summary>
    public required string Version { get; init; }

    /// <summary><c>wheel</c>, <c>sdist</c> or <c>vcs</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The file's name; of a source, that of the wheel that is made of it.</summary>
    public required string File { get; init; }

    /// <summary>The name of a source's own file; empty for a wheel and a repository.</summary>
    public string SourceFile { get; init; } = "";

    /// <summary>The address of a file or repository; empty for a file of this machine.</summary>
    public string Url { get; init; } = "";

    /// <summary>The file in a folder of this machine: as the index' Url, or the context, and the name make it; empty for what has an address.</summary>
    public string Path { get; init; } = "";

    /// <summary>The index that is a folder and holds the file; empty for what is not from one.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The index that has it; empty for a direct address.</summary>
    public string Index { get; init; } = "";

    /// <summary>Hexadecimal, of the file; empty for a commit.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Bytes.</summary>
    public long Size { get; init; }

    /// <summary>Bytes when unpacked.</summary>
    public long InstalledSize { get; init; }

    /// <summary>The project asks for it by name.</summary>
    public bool Requested { get; init; }

    /// <summary>As its metadata has it.</summary>
    public string RequiresPython { get; init; } = "";

    /// <summary>Names of what it needs in this environment.</summary>
    public IReadOnlyList<string> Dependencies { get; init; } = [];

    /// <summary>Of a repository.</summary>
    public string Commit { get; init; } = "";

    /// <summary>What the project asked for of the repository.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Below the repository.</summary>
    public string Subdirectory { get; init; } = "";
}
