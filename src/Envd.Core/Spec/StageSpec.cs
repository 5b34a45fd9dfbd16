using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>A branch of the graph that the user declares.</summary>
public sealed record StageSpec
{
    /// <summary>Unique.</summary>
    public required string Name { get; init; }

    /// <summary>A stage, a reserved name, <c>scratch</c>, or an image.</summary>
    public required string From { get; init; }

    /// <summary>Stages that are laid over <see cref="From"/>, in this order.</summary>
    public IReadOnlyList<string> Merge { get; init; } = [];

    /// <summary>Of what the stage starts from only what it has beyond this one is kept; empty is everything.</summary>
    public string Diff { get; init; } = "";

    /// <summary>Of its image and its commands; empty is the environment's.</summary>
    public string Platform { get; init; } = "";

    /// <summary>What it adds is merged into the image.</summary>
    public bool AddToImage { get; init; }

    /// <summary>Packages of apt that it begins with.</summary>
    public IReadOnlyList<AptPackageSpec> AptPackages { get; init; } = [];

    /// <summary>Packages of other managers, by kind and name.</summary>
    public IReadOnlyList<PackageSpec> Packages { get; init; } = [];

    /// <summary>An environment of conda of its own; null for none.</summary>
    public CondaSpec? Conda { get; init; }

    /// <summary>Python requirements that it goes on with.</summary>
    public IReadOnlyList<string> PythonRequirements { get; init; } = [];

    /// <summary>In declared order.</summary>
    public IReadOnlyList<StepSpec> Steps { get; init; } = [];

    /// <summary>Every name that it takes from: stages, and reserved names and images among them.</summary>
    [JsonIgnore]
    public IEnumerable<string> Needs => Steps.SelectMany(s => s.Needs).Concat(Merge).Append(From).Concat(Diff.Length > 0 ? [Diff] : []);
}

/// <summary>One step of a stage or of the image.</summary>
public sealed record StepSpec
{
    /// <summary>Unique in its stage.</summary>
    public required string Name { get; init; }

    /// <summary>For people; empty shows the name.</summary>
    public string Title { get; init; } = "";

    /// <summary>Shell text.</summary>
    public string Run { get; init; } = "";

    /// <summary>A file of the context, run by its interpreter.</summary>
    public string Script { get; init; } = "";

    /// <summary>Arguments of the script.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Patterns of what is copied.</summary>
    public IReadOnlyList<string> Copy { get; init; } = [];

    /// <summary>An address that is downloaded.</summary>
    public string Download { get; init; } = "";

    /// <summary><c>sha256:…</c> of the download.</summary>
    public string Checksum { get; init; } = "";

    /// <summary>An archive is unpacked.</summary>
    public bool Unpack { get; init; }

    /// <summary>A git remote whose tree is taken.</summary>
    public string Git { get; init; } = "";

    /// <summary>Branch, tag or commit of <see cref="Git"/>.</summary>
    public string Ref { get; init; } = "";

    /// <summary>The text of a file that is written.</summary>
    public string WriteFile { get; init; } = "";

    /// <summary>A folder that is made.</summary>
    public string MakeDirectory { get; init; } = "";

    /// <summary>Paths that are deleted.</summary>
    public IReadOnlyList<string> Delete { get; init; } = [];

    /// <summary>Where to; ending in <c>/</c> it is a folder.</summary>
    public string TargetPath { get; init; } = "";

    /// <summary>Who owns what is made, as <c>user[:group]</c>; empty is root.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Copies from this stage.</summary>
    public string FromStage { get; init; } = "";

    /// <summary>Copies from this image.</summary>
    public string FromImage { get; init; } = "";

    /// <summary>Permission bits in octal; empty keeps them.</summary>
    public string Mode { get; init; } = "";

    /// <summary>Empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>Empty is <c>/</c>, or the environment's working directory for a step in the image.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary>Variables of this step alone.</summary>
    public IReadOnlyList<NamedValue> Environment { get; init; } = [];

    /// <summary>Folders that the engine keeps between builds.</summary>
    public IReadOnlyList<string> Cache { get; init; } = [];

    /// <summary>How steps share a cache: <c>shared</c>, <c>private</c> or <c>locked</c>.</summary>
    public string CacheSharing { get; init; } = "";

    /// <summary>Trees that the command reads, and memory that it writes to.</summary>
    public IReadOnlyList<StepMountSpec> Mounts { get; init; } = [];

    /// <summary>Ids of secrets that the command sees.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>The id of the ssh agent that the command may use; empty is none.</summary>
    public string SshAgent { get; init; } = "";

    /// <summary><c>default</c>, <c>host</c> or <c>none</c>.</summary>
    public string Network { get; init; } = "";

    /// <summary>Every name that it takes from.</summary>
    [JsonIgnore]
    public IEnumerable<string> Needs => Mounts.Select(m => m.From).Concat(FromStage.Length > 0 ? [FromStage] : []);

    /// <summary>The name under which positions are kept.</summary>
    [JsonIgnore]
    public string Origin { get; init; } = "";
}

/// <summary>A mount of a step.</summary>
/// <param name="From"><c>context</c>, <c>tmpfs</c>, a stage, or an image.</param>
/// <param name="Path">A file or folder of it; empty is all.</param>
/// <param name="Target">Where.</param>
public sealed record StepMountSpec(string From, string Path, string Target);
