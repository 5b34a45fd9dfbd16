using Envd.BuildKit.Content;

namespace Envd.BuildKit.Session;

/// <summary>What a session offers to the engine.</summary>
public sealed record SessionOptions
{
    /// <summary>Folders by the name of their <c>local://</c> source.</summary>
    public IReadOnlyDictionary<string, LocalFolder> Folders { get; init; } = new Dictionary<string, LocalFolder>();

    /// <summary>Where exports go, by the exporter's position in the solve.</summary>
    public IReadOnlyList<IExportTarget?> Exports { get; init; } = [];

    /// <summary>OCI layouts by id: <c>oci:</c> and the store's name for <c>State.OciLayout</c>. Caches and exports add theirs by themselves.</summary>
    public IReadOnlyDictionary<string, OciLayout> ContentStores { get; init; } = new Dictionary<string, OciLayout>();

    /// <summary>Registry credentials.</summary>
    public IRegistryCredentials Credentials { get; init; } = NoCredentials.Instance;

    /// <summary>Secrets by id; asked when a step wants one.</summary>
    public Func<string, byte[]?> Secrets { get; init; } = _ => null;

    /// <summary>ssh agents by id; <c>default</c> is the one that a step gets that names none. They end with the session.</summary>
    public IReadOnlyDictionary<string, SshAgent> SshAgents { get; init; } = new Dictionary<string, SshAgent>();
}

/// <summary>A folder of this machine.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Ignore">Patterns, as in .dockerignore, of what is never sent.</param>
public sealed record LocalFolder(string Path, IReadOnlyList<string> Ignore);

/// <summary>Where an export of the engine ends up.</summary>
public interface IExportTarget
{
    /// <summary>The file or folder.</summary>
    string Path { get; }
}

/// <summary>An archive (<c>oci</c>, <c>docker</c>, <c>tar</c>), written under a temporary name and moved when it is complete.</summary>
/// <param name="Path">Absolute.</param>
public sealed record FileExportTarget(string Path) : IExportTarget;

/// <summary>A folder that receives a file tree (<c>local</c>).</summary>
/// <param name="Path">Absolute.</param>
public sealed record FolderExportTarget(string Path) : IExportTarget;

/// <summary>An OCI layout that receives an image (<c>oci</c> with <c>tar=false</c>): only the blobs that it lacks are sent.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Tag">The image's name in the layout's index; null for none.</param>
public sealed record OciLayoutExportTarget(string Path, string? Tag = null) : IExportTarget;
