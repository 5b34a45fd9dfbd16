namespace Envd.BuildKit.Client;

/// <summary>A record of the engine's cache.</summary>
/// <param name="Id">The engine's id.</param>
/// <param name="Type">Such as <c>regular</c>, <c>source.local</c> or <c>exec.cachemount</c>.</param>
/// <param name="Description">What made it.</param>
/// <param name="Size">Bytes.</param>
/// <param name="InUse">A build or image holds it.</param>
/// <param name="Shared">Something else than the cache, such as an image, holds its bytes too.</param>
/// <param name="Created">The engine's clock.</param>
/// <param name="LastUsed">The engine's clock; null where it was never used again.</param>
public sealed record CacheRecord(string Id, string Type, string Description, long Size, bool InUse, bool Shared, DateTimeOffset? Created, DateTimeOffset? LastUsed);

/// <summary>What a prune deletes.</summary>
public sealed record PruneOptions
{
    /// <summary>Also what could still serve a build.</summary>
    public bool All { get; init; }

    /// <summary>Such as <c>type==exec.cachemount</c>; several must all hold, none means everything.</summary>
    public IReadOnlyList<string> Filters { get; init; } = [];

    /// <summary>Leaves what was used within this time.</summary>
    public TimeSpan KeepDuration { get; init; }

    /// <summary>Leaves this many bytes.</summary>
    public long KeepBytes { get; init; }
}

/// <summary>A build of the engine's history.</summary>
/// <param name="Reference">The build's id.</param>
/// <param name="Frontend">The frontend; empty for a definition.</param>
/// <param name="Created">When it began, by the engine's clock.</param>
/// <param name="Completed">When it ended; null while it runs.</param>
/// <param name="Error">Why it failed; null where it did not.</param>
/// <param name="Steps">How many steps it has.</param>
/// <param name="CachedSteps">How many of them were cached.</param>
/// <param name="Exporter">What its exporters answered.</param>
public sealed record BuildRecord(string Reference, string Frontend, DateTimeOffset? Created, DateTimeOffset? Completed, string? Error, int Steps, int CachedSteps,
    IReadOnlyDictionary<string, string> Exporter);
