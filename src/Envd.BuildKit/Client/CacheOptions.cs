namespace Envd.BuildKit.Client;

/// <summary>A cache to read or write.</summary>
/// <param name="Type"><c>registry</c>, <c>local</c>, <c>inline</c>, or any other that the engine knows (<c>gha</c>, <c>s3</c>, <c>azblob</c>).</param>
/// <param name="Attributes">As <c>buildctl --import-cache</c> and <c>--export-cache</c> take them.</param>
public sealed record CacheOptions(string Type, IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>The folder of a <c>local</c> cache, which is an OCI layout; the session carries its blobs, and the engine never learns its path.</summary>
    public string? Folder { get; private init; }

    /// <summary>The name of a <c>local</c> cache in its folder.</summary>
    public string? Tag { get; private init; }

    /// <summary>A cache in a folder of this machine.</summary>
    /// <param name="folder">Absolute. Reading one that is not there reads nothing.</param>
    /// <param name="max">For writing: the results of every step, not only those that are in the image.</param>
    /// <param name="tag">One folder may hold several caches.</param>
    public static CacheOptions Local(string folder, bool max = true, string tag = "latest") =>
        new("local", Mode(max)) { Folder = folder, Tag = tag };

    /// <summary>A cache in a registry.</summary>
    /// <param name="reference">Where: <c>registry.example/team/cache:main</c>.</param>
    /// <param name="max">For writing: the results of every step, not only those that are in the image.</param>
    public static CacheOptions Registry(string reference, bool max = true) =>
        new("registry", new Dictionary<string, string>(Mode(max)) { ["ref"] = reference });

    /// <summary>A cache inside the image that is exported; <see cref="Registry"/> with the image's name reads it.</summary>
    public static CacheOptions Inline() => new("inline", new Dictionary<string, string>());

    private static Dictionary<string, string> Mode(bool max) => new() { ["mode"] = max ? "max" : "min" };
}
