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

/// <summary>A Python project of the context.</summary>
/// <param name="Path">Its folder, relative to the context; empty is the context itself.</param>
/// <param name="Name">Normalised.</param>
/// <param name="Extras">Of its own.</param>
/// <param name="Editable">The environment imports from the mounted folder rather than from a copy.</param>
public sealed record PythonProjectSpec(string Path, string Name, IReadOnlyList<string> Extras, bool Editable);

/// <summary>The Python of an environment.</summary>
public sealed record PythonSpec
{
    /// <summary>What sees to the interpreter: empty for the base and its distribution, <c>uv</c>, or <c>conda</c> for the environment of conda.</summary>
    public string Manager { get; init; } = "";

    /// <summary>Projects that are installed after their dependencies.</summary>
    public IReadOnlyList<PythonProjectSpec> Projects { get; init; } = [];

    /// <summary>Wheels in the context.</summary>
    public IReadOnlyList<string> Wheels { get; init; } = [];

    /// <summary>Variables of the steps that build packages, by name.</summary>
    public IReadOnlyList<NamedValue> BuildEnvironment { get; init; } = [];

    /// <summary>Requirements that are built with what is installed already, after all others.</summary>
    public IReadOnlyList<string> Unisolated { get; init; } = [];

    /// <summary>A prefix such as <c>3.12</c>; empty takes the base's own interpreter, else the distribution's.</summary>
    public required string Version { get; init; }

    /// <summary>The distribution's packages are visible in the virtual environment.</summary>
    public bool SystemSitePackages { get; init; }

    /// <summary>Packages are installed on top of the system's packages (they compile), not beside them.</summary>
    public bool OnSystem { get; init; }

    /// <summary>PEP 508 requirements, sorted by name.</summary>
    public IReadOnlyList<string> Requirements { get; init; } = [];

    /// <summary>Requirements files in the context, in declared order.</summary>
    public IReadOnlyList<RequirementsFileSpec> Files { get; init; } = [];

    /// <summary>Every file that the requirements files include, they themselves too.</summary>
    public IReadOnlyList<string> FileClosure { get; init; } = [];

    /// <summary>Indexes; none means PyPI.</summary>
    public IReadOnlyList<PythonIndexSpec> Indexes { get; init; } = [];
}

/// <summary>A requirements file.</summary>
/// <param name="Path">Relative to the context.</param>
/// <param name="ConstraintsOnly">Bounds versions without installing.</param>
public sealed record RequirementsFileSpec(string Path, bool ConstraintsOnly);

/// <summary>A Python package index.</summary>
/// <param name="Name"><c>pypi</c> is the default one.</param>
/// <param name="Url">An http address; empty for a folder of this machine, whose path is no part of the spec.</param>
/// <param name="Format"><c>simple</c> (PEP 503) or <c>flat</c> (a page or folder of files).</param>
/// <param name="Trusted">TLS is not verified.</param>
/// <param name="UserName">Of the login whose password is <paramref name="Secret"/>.</param>
/// <param name="Secret">The id of a secret; empty where the index wants no login.</param>
/// <param name="Packages">Names that come from here and only from here; empty is every name.</param>
public sealed record PythonIndexSpec(string Name, string Url, string Format, bool Trusted, string UserName = "", string Secret = "", IReadOnlyList<string>? Packages = null);

/// <summary>A name and its value.</summary>
public sealed record NamedValue(string Name, string Value);

/// <summary>A port of the environment.</summary>
/// <param name="Number">1 to 65535.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
public sealed record PortSpec(int Number, string Protocol);

/// <summary>A program that runs in the environment.</summary>
public sealed record ServiceSpec
{
    /// <summary>Unique.</summary>
    public required string Name { get; init; }

    /// <summary><c>jupyterlab</c>, <c>jupyter</c>, <c>ssh</c>, or <c>custom</c>.</summary>
    public required string Kind { get; init; }

    /// <summary><c>pip</c> or <c>system</c>; empty where nothing is installed.</summary>
    public string Provider { get; init; } = "";

    /// <summary>The argument vector.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The port it listens on; 0 is none.</summary>
    public int Port { get; init; }

    /// <summary>Services that come first.</summary>
    public IReadOnlyList<string> DependsOn { get; init; } = [];

    /// <summary><c>no</c>, <c>on-failure</c> or <c>always</c>.</summary>
    public required string Restart { get; init; }

    /// <summary>Variables of this service alone.</summary>
    public IReadOnlyList<NamedValue> Environment { get; init; } = [];

    /// <summary>Empty is the environment's user.</summary>
    public string User { get; init; } = "";

    /// <summary>A file that its output goes to instead of its log; empty is the log.</summary>
    public string StandardOutput { get; init; } = "";

    /// <summary>The same for its errors.</summary>
    public string StandardError { get; init; } = "";

    /// <summary>Empty is the environment's working directory.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary><c>http://:PORT/path</c>, <c>tcp://:PORT</c>, or empty.</summary>
    public string HealthCheck { get; init; } = "";

    /// <summary>A command whose success means that the service is ready; empty where <see cref="HealthCheck"/> says how to see that, or nothing does.</summary>
    public IReadOnlyList<string> HealthCommand { get; init; } = [];

    /// <summary>Something tells whether the service is ready.</summary>
    [JsonIgnore]
    public bool HasHealthCheck => HealthCheck.Length > 0 || HealthCommand.Count > 0;

    /// <summary>Runs to its end once; others wait for its success.</summary>
    public bool OneShot { get; init; }

    /// <summary>The environment lives and ends with it.</summary>
    public bool Main { get; init; }
}

/// <summary>A branch of the graph that the user declares.</summary>
public sealed record StageSpec
{
    /// <summary>Unique.</summary>
    public required string Name { get; init; }

    /// <summary>A stage, a reserved name, <c>scratch</c>, or an image.</summary>
    public required string From { get; init; }

    /// <summary>Stages that are laid over <see cref="From"/>, in this order.</summary>
    public IReadOnlyList<string> Merge { get; init; } = [];

    /// <summary>The stage holds only what it has beyond this one; empty is everything.</summary>
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

/// <summary>A mount of a step.</summary>
/// <param name="From"><c>context</c>, <c>tmpfs</c>, a stage, or an image.</param>
/// <param name="Path">A file or folder of it; empty is all.</param>
/// <param name="Target">Where.</param>
public sealed record StepMountSpec(string From, string Path, string Target);

/// <summary>A secret that is used while building.</summary>
/// <param name="Id">Unique.</param>
/// <param name="Variable">The variable that holds it; empty leaves it to the file /run/secrets/ID.</param>
public sealed record SecretSpec(string Id, string Variable);

/// <summary>A folder of a search path.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Variable">Such as <c>PATH</c>.</param>
/// <param name="Append">After what is there.</param>
public sealed record PathEntrySpec(string Path, string Variable, bool Append);

/// <summary>A file of apt's sources.</summary>
/// <param name="Path">In the context: deb822 (<c>.sources</c>) or one-line (<c>.list</c>).</param>
/// <param name="KeyFile">In the context; empty is none.</param>
/// <param name="Replace">The base's own sources are left out.</param>
public sealed record AptSourceSpec(string Path, string KeyFile, bool Replace);

/// <summary>Where something is had instead of where it is published.</summary>
/// <param name="Of"><c>apt</c>, or a host.</param>
/// <param name="Url">The mirror.</param>
public sealed record MirrorSpec(string Of, string Url);

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
