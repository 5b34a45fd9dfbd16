using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>What a project declares about its image: validated, ordered, and free of anything of this machine.</summary>
/// <remarks>env.spec.json is this record; the image is a function of it, of the files that it names and of the engine.</remarks>
public sealed record EnvironmentSpec
{
    /// <summary>Changes only when the graph or LLB made from one and the same spec changes.</summary>
    public const int CurrentLoweringVersion = 1;

    /// <summary>See <see cref="CurrentLoweringVersion"/>.</summary>
    public int LoweringVersion { get; init; } = CurrentLoweringVersion;

    /// <summary>The project's name, as a container may carry it.</summary>
    public required string Name { get; init; }

    /// <summary>An environment to work in, rather than a lean image to serve.</summary>
    public bool Dev { get; init; }

    /// <summary>Such as <c>linux/amd64</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>Platforms of what is pushed or written, where there are several: one index for all.</summary>
    public IReadOnlyList<string> Platforms { get; init; } = [];

    /// <summary>The base image, fully qualified.</summary>
    public required string BaseImage { get; init; }

    /// <summary>The image's own name, fully qualified, with its tag.</summary>
    public required string Image { get; init; }

    /// <summary>The account that works in the environment.</summary>
    public required string User { get; init; }

    /// <summary>Where services and shells start.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>What runs the services: <c>s6</c>, or <c>none</c> where there is none to run.</summary>
    public required string Supervisor { get; init; }

    /// <summary>Whether and how trees are merged: <c>auto</c>, <c>on</c> or <c>off</c>.</summary>
    public required string Merge { get; init; }

    /// <summary>The network of steps: empty is the engine's default.</summary>
    public string BuildNetwork { get; init; } = "";

    /// <summary>Distribution packages of the system, by name.</summary>
    public IReadOnlyList<AptPackageSpec> AptPackages { get; init; } = [];

    /// <summary>Packages of other managers, by kind and name: <c>dnf</c>, <c>apk</c>, <c>npm</c>, <c>r</c>, <c>julia</c>.</summary>
    public IReadOnlyList<PackageSpec> Packages { get; init; } = [];

    /// <summary>Python, where anything asks for it.</summary>
    public PythonSpec? Python { get; init; }

    /// <summary>An environment of conda, where anything asks for one.</summary>
    public CondaSpec? Conda { get; init; }

    /// <summary>Languages other than Python, by name.</summary>
    public IReadOnlyList<LanguageSpec> Languages { get; init; } = [];

    /// <summary>The login shell of the account: <c>bash</c>, <c>zsh</c> or <c>fish</c>.</summary>
    public string Shell { get; init; } = "bash";

    /// <summary>What draws the prompt: <c>starship</c>, or empty for the shell's own.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Extensions of Visual Studio Code, by name.</summary>
    public IReadOnlyList<ExtensionSpec> Extensions { get; init; } = [];

    /// <summary>Settings of git for everyone in the environment, by name.</summary>
    public IReadOnlyList<NamedValue> Git { get; init; } = [];

    /// <summary>Commands that <c>envd exec --command</c> runs, by name.</summary>
    public IReadOnlyList<RuntimeCommandSpec> Commands { get; init; } = [];

    /// <summary>Services, in declared order.</summary>
    public IReadOnlyList<ServiceSpec> Services { get; init; } = [];

    /// <summary>Environment variables, by name.</summary>
    public IReadOnlyList<NamedValue> Environment { get; init; } = [];

    /// <summary>Labels, by name.</summary>
    public IReadOnlyList<NamedValue> Labels { get; init; } = [];

    /// <summary>Ports of what is no service.</summary>
    public IReadOnlyList<PortSpec> Ports { get; init; } = [];

    /// <summary>The user's own stages, in declared order.</summary>
    public IReadOnlyList<StageSpec> Stages { get; init; } = [];

    /// <summary>What a person has added for themselves, upon everything else; in no image that is pushed. Null for nothing.</summary>
    public StageSpec? Personal { get; init; }

    /// <summary>The steps of all stages, and of the image.</summary>
    [JsonIgnore]
    public IEnumerable<StepSpec> AllSteps => Stages.Append(Personal).OfType<StageSpec>().SelectMany(s => s.Steps).Concat(Steps);

    /// <summary>Steps that run in the image, after the managed parts.</summary>
    public IReadOnlyList<StepSpec> Steps { get; init; } = [];

    /// <summary>Secrets that steps or indexes use while building; where they come from is no part of the spec.</summary>
    public IReadOnlyList<SecretSpec> Secrets { get; init; } = [];

    /// <summary>Folders added to PATH or another variable, in declared order.</summary>
    public IReadOnlyList<PathEntrySpec> PathEntries { get; init; } = [];

    /// <summary>Certificates in the context that are trusted, while building and in the image.</summary>
    public IReadOnlyList<string> CertificateAuthorities { get; init; } = [];

    /// <summary>Sources of apt beside, or instead of, the base's.</summary>
    public IReadOnlyList<AptSourceSpec> AptSources { get; init; } = [];

    /// <summary>Mirrors, by what they mirror.</summary>
    public IReadOnlyList<MirrorSpec> Mirrors { get; init; } = [];

    /// <summary>What the lock files say of what is declared loosely, one for each platform; empty where there is no lock, or none that covers the project.</summary>
    public IReadOnlyList<Locks.EnvironmentLock> Locks { get; init; } = [];

    /// <summary>How locked Python packages become layers: <c>wheel</c>, or <c>single</c> for one layer of all.</summary>
    public string PythonLayers { get; init; } = "";

    /// <summary>Other environments whose content this one takes, inlined.</summary>
    public IReadOnlyList<ReferenceSpec> References { get; init; } = [];

    /// <summary>The lock of the platform; null where there is none that covers the project.</summary>
    [JsonIgnore]
    public Locks.EnvironmentLock? Lock => Locks.FirstOrDefault(l => l.Platform == Platform);

    /// <summary>The environment that this one builds upon; null where it builds upon an image.</summary>
    [JsonIgnore]
    public ReferenceSpec? Base => References.FirstOrDefault(r => r.IsBase);

    /// <summary>The image has a virtual environment, its own or its base's.</summary>
    [JsonIgnore]
    public bool HasPython => Python is not null || Base?.Spec.HasPython is true;

    /// <summary>Patterns of everything in the context that a step names; what is sent to the engine.</summary>
    public IReadOnlyList<string> ContextPatterns { get; init; } = [];
}

/// <summary>A name and its value.</summary>
public sealed record NamedValue(string Name, string Value);

/// <summary>A port of the environment.</summary>
/// <param name="Number">1 to 65535.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
public sealed record PortSpec(int Number, string Protocol);

/// <summary>Another environment, inlined: built in the same solve, from the same cache, through no registry.</summary>
/// <param name="Name">Its name: of its stage, and of its folders in the session.</param>
/// <param name="IsBase">This environment builds upon it; otherwise it is a stage to take from.</param>
/// <param name="Spec">What it declares as a lean image.</param>
public sealed record ReferenceSpec(string Name, bool IsBase, EnvironmentSpec Spec);

/// <summary>A language.</summary>
/// <param name="Name">Such as <c>nodejs</c>.</param>
/// <param name="Version">A prefix; empty takes the base's own, else the distribution's. A release where <paramref name="Download"/>.</param>
/// <param name="Download">Its publisher's archive is taken.</param>
/// <param name="Checksum">Of that archive, <c>sha256:…</c>; empty asks its publisher.</param>
public sealed record LanguageSpec(string Name, string Version, bool Download = false, string Checksum = "");

/// <summary>A command by name.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Command">The argument vector.</param>
/// <param name="WorkingDirectory">Empty is the environment's.</param>
public sealed record RuntimeCommandSpec(string Name, IReadOnlyList<string> Command, string WorkingDirectory);

/// <summary>A secret that is used while building.</summary>
/// <param name="Id">Unique.</param>
/// <param name="Variable">The variable that holds it; empty leaves it to the file /run/secrets/ID.</param>
public sealed record SecretSpec(string Id, string Variable);

/// <summary>A folder of a search path.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Variable">Such as <c>PATH</c>.</param>
/// <param name="Append">After what is there.</param>
public sealed record PathEntrySpec(string Path, string Variable, bool Append);
