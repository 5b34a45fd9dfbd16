namespace Envd.Core.Spec;

/// <summary>A package of apt.</summary>
/// <param name="Name">As <c>apt-cache</c> shows it, with <c>:architecture</c> if need be.</param>
/// <param name="Version">Exact; empty takes the newest.</param>
public sealed record AptPackageSpec(string Name, string Version);

/// <summary>A package of a manager other than apt and pip.</summary>
/// <param name="Kind"><c>dnf</c>, <c>apk</c>, <c>npm</c>, <c>r</c> or <c>julia</c>.</param>
/// <param name="Name">As its manager knows it.</param>
/// <param name="Version">As its manager takes it; empty takes the newest.</param>
/// <param name="Url">Where its source or archive lies; empty asks the manager's index.</param>
public sealed record PackageSpec(string Kind, string Name, string Version, string Url);

/// <summary>An environment of conda at <c>/opt/envd/conda</c>.</summary>
public sealed record CondaSpec
{
    /// <summary><c>micromamba</c>, <c>conda</c> (which is in the environment, too) or <c>pixi</c>.</summary>
    public required string Manager { get; init; }

    /// <summary>Match specifications (<c>name=version=build</c>), sorted.</summary>
    public IReadOnlyList<string> Packages { get; init; } = [];

    /// <summary>Channels, the first before the second.</summary>
    public IReadOnlyList<string> Channels { get; init; } = [];

    /// <summary>environment.yml, pixi.toml or an explicit lock in the context; empty is none.</summary>
    public string File { get; init; } = "";
}

/// <summary>An extension of Visual Studio Code.</summary>
/// <param name="Name">As <c>publisher.name</c>.</param>
/// <param name="Version">Exact.</param>
/// <param name="Sha256">Of its file; empty is unknown.</param>
public sealed record ExtensionSpec(string Name, string Version, string Sha256);

/// <summary>A file of apt's sources.</summary>
/// <param name="Path">In the context: deb822 (<c>.sources</c>) or one-line (<c>.list</c>).</param>
/// <param name="KeyFile">In the context; empty is none.</param>
/// <param name="Replace">The base's own sources are left out.</param>
public sealed record AptSourceSpec(string Path, string KeyFile, bool Replace);

/// <summary>Where something is had instead of where it is published.</summary>
/// <param name="Of"><c>apt</c>, or a host.</param>
/// <param name="Url">The mirror.</param>
public sealed record MirrorSpec(string Of, string Url);
