using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>What the start of an environment needs and its image does not: env.run.json. Changing it rebuilds nothing.</summary>
public sealed record RunSpec
{
    /// <summary>The container's name.</summary>
    public required string ContainerName { get; init; }

    /// <summary>The host name that ssh knows: <c>NAME.envd</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Which of a project's environments, as EnvdVariant has it; lock files carry it in their names.</summary>
    public string Variant { get; init; } = "";

    /// <summary>The folder of a bundle that all is taken from; empty fetches.</summary>
    public string Bundle { get; init; } = "";

    /// <summary>A build lists what is in its image.</summary>
    public bool BillOfMaterials { get; init; }

    /// <summary>How much a pushed image says of how it was built: <c>min</c>, <c>max</c>, or empty for nothing.</summary>
    public string Provenance { get; init; } = "";

    /// <summary>What the project declares and its lock does not cover, in words; empty where the lock is current, or there is none.</summary>
    public IReadOnlyList<string> LockChanges { get; init; } = [];

    /// <summary>Ports to publish.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>Mounts, by their path in the environment.</summary>
    public IReadOnlyList<MountSpec> Mounts { get; init; } = [];

    /// <summary>Where the tokens of services come from.</summary>
    public IReadOnlyList<ServiceToken> Tokens { get; init; } = [];

    /// <summary>Which GPUs: <c>auto</c>, <c>none</c>, <c>all</c> or a number.</summary>
    public string Gpu { get; init; } = "auto";

    /// <summary>Options of the container, in declared order.</summary>
    public IReadOnlyList<NamedValue> Options { get; init; } = [];

    /// <summary>Size of /dev/shm in bytes.</summary>
    public long ShmSize { get; init; }

    /// <summary>Host folders of indexes that are folders, by the index' name; needed while building.</summary>
    public IReadOnlyList<NamedValue> IndexFolders { get; init; } = [];

    /// <summary>Where secrets come from; needed while building.</summary>
    public IReadOnlyList<SecretSource> Secrets { get; init; } = [];

    /// <summary>Secrets that the environment holds while it runs, each as /run/secrets/ID.</summary>
    public IReadOnlyList<SecretSource> StartSecrets { get; init; } = [];

    /// <summary>Data that the first start fetches.</summary>
    public IReadOnlyList<DatasetSpec> Datasets { get; init; } = [];

    /// <summary>Proxies of steps and of the environment; null is none.</summary>
    public ProxySpec? Proxy { get; init; }

    /// <summary>Caches that a build reads, as BuildKit writes them.</summary>
    public IReadOnlyList<string> CacheFrom { get; init; } = [];

    /// <summary>Caches that a build writes.</summary>
    public IReadOnlyList<string> CacheTo { get; init; } = [];

    /// <summary>Files and folders that a build writes.</summary>
    public IReadOnlyList<OutputSpec> Outputs { get; init; } = [];

    /// <summary>How the layers of a pushed image are compressed: <c>gzip</c>, <c>zstd</c> or <c>uncompressed</c>.</summary>
    public string Compression { get; init; } = "gzip";

    /// <summary>Referenced environments: the folders that their steps copy from.</summary>
    public IReadOnlyList<ReferenceFolders> References { get; init; } = [];

    /// <summary>The same folders under the names of their local sources.</summary>
    [JsonIgnore]
    public IReadOnlyList<KeyValuePair<string, string>> IndexContexts => [.. IndexFolders.Select(f => KeyValuePair.Create(ContextOf("", f.Name), f.Value))];

    /// <summary>The name of the local source of an index that is a folder.</summary>
    /// <param name="reference">The path of references that leads to it, each with a dash behind; empty for the environment itself.</param>
    /// <param name="index">The index.</param>
    public static string ContextOf(string reference, string index) => $"index-{reference}{index}";

    /// <summary>The name of the local source of the files that steps copy.</summary>
    /// <param name="reference">As above.</param>
    public static string ContextOf(string reference) => reference.Length == 0 ? "context" : "context-" + reference.TrimEnd('-');

    /// <summary>Every folder of every reference, under the names of their local sources; true where it is a context, whose .dockerignore counts.</summary>
    public IEnumerable<(string Name, string Folder, bool IsContext)> ReferencedFolders(string prefix = "")
    {
        foreach (var reference in References)
        {
            var inner = $"{prefix}{reference.Name}-";
            yield return (ContextOf(inner), reference.ContextDirectory, true);
            foreach (var index in reference.Run.IndexFolders)
                yield return (ContextOf(inner, index.Name), index.Value, false);
            foreach (var deeper in reference.Run.ReferencedFolders(inner))
                yield return deeper;
        }
    }
}

/// <summary>A port that the host offers.</summary>
/// <param name="Service">The service behind it; empty for a plain ContainerPort.</param>
/// <param name="Port">In the environment.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
/// <param name="HostPort">0: the same number if it is free, else a free one that is kept.</param>
/// <param name="ListenAddress">Address of the host.</param>
public sealed record PublishedPort(string Service, int Port, string Protocol, int HostPort, string ListenAddress);

/// <summary>A mount.</summary>
/// <param name="Target">Absolute path in the environment.</param>
/// <param name="Kind"><c>bind</c>, <c>volume</c> or <c>tmpfs</c>.</param>
/// <param name="Source">Host path, or volume name.</param>
/// <param name="ReadOnly">Nothing can be written.</param>
/// <param name="Size">Bytes, of a tmpfs; 0 is no limit.</param>
public sealed record MountSpec(string Target, string Kind, string Source, bool ReadOnly, long Size);

/// <summary>Where a service's token comes from.</summary>
/// <param name="Service">Its name.</param>
/// <param name="Source"><c>random</c>, <c>none</c>, <c>env:NAME</c> or <c>file:PATH</c>; never the token itself.</param>
public sealed record ServiceToken(string Service, string Source);

/// <summary>Proxies, as the variables <c>http_proxy</c>, <c>https_proxy</c> and <c>no_proxy</c> have them; empty sets none. They are in no image.</summary>
public sealed record ProxySpec(string Http, string Https, string None);

/// <summary>Data in a volume that environments share.</summary>
/// <param name="Name">Unique.</param>
/// <param name="Source">The address of a file.</param>
/// <param name="TargetPath">The folder in the environment.</param>
/// <param name="ReadOnly">Nothing can be written.</param>
/// <param name="Volume">Named after the source.</param>
/// <param name="SecretSource">Where the token comes from; empty is none.</param>
public sealed record DatasetSpec(string Name, string Source, string TargetPath, bool ReadOnly, string Volume, string SecretSource);

/// <summary>Where a secret comes from.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Source"><c>env:NAME</c> or <c>file:PATH</c>; never the secret itself.</param>
public sealed record SecretSource(string Id, string Source);

/// <summary>Something that a build writes beside the image.</summary>
/// <param name="Type"><c>oci</c>, <c>docker</c>, <c>tar</c> or <c>local</c>.</param>
/// <param name="Path">Absolute.</param>
public sealed record OutputSpec(string Type, string Path);

/// <summary>What of this machine a referenced environment is built from.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ContextDirectory">The folder that its steps copy from.</param>
/// <param name="StateDirectory">The folder of its own specs and inputs.json.</param>
/// <param name="Run">Its own.</param>
public sealed record ReferenceFolders(string Name, string ContextDirectory, string StateDirectory, RunSpec Run);
