using Microsoft.Build.Framework;

namespace Envd.Tasks;

public sealed partial class ComposeEnvironment
{
    /// <summary>The project file.</summary>
    [Required]
    public ITaskItem ProjectFile { get; set; } = null!;

    /// <summary>The folder that steps copy from. Ex: the project's folder.</summary>
    [Required]
    public ITaskItem ContextDirectory { get; set; } = null!;

    /// <summary>The folder of env.spec.json and its siblings. Ex: obj/envd/.</summary>
    [Required]
    public ITaskItem StateDirectory { get; set; } = null!;

    /// <summary>Properties, as items with their names and a Value: MSBuild hands a task items, not properties.</summary>
    public ITaskItem[] Properties { get; set; } = [];

    /// <summary>EnvdContext. Ex: unix:///var/run/docker.sock, or the name of a docker context.</summary>
    public string EngineContext { get; set; } = "";

    /// <summary>The person's own file of items, where it is imported. Ex: /home/me/.config/envd/user.props.</summary>
    public ITaskItem? UserFile { get; set; }

    /// <summary>Language items.</summary>
    public ITaskItem[] Languages { get; set; } = [];

    /// <summary>AptPackage items.</summary>
    public ITaskItem[] AptPackages { get; set; } = [];

    /// <summary>Dataset items.</summary>
    public ITaskItem[] Datasets { get; set; } = [];

    /// <summary>DnfPackage items.</summary>
    public ITaskItem[] DnfPackages { get; set; } = [];

    /// <summary>ApkPackage items.</summary>
    public ITaskItem[] ApkPackages { get; set; } = [];

    /// <summary>NpmPackage items.</summary>
    public ITaskItem[] NpmPackages { get; set; } = [];

    /// <summary>RPackage items.</summary>
    public ITaskItem[] RPackages { get; set; } = [];

    /// <summary>JuliaPackage items.</summary>
    public ITaskItem[] JuliaPackages { get; set; } = [];

    /// <summary>CondaPackage items.</summary>
    public ITaskItem[] CondaPackages { get; set; } = [];

    /// <summary>CondaEnvironmentFile items.</summary>
    public ITaskItem[] CondaEnvironmentFiles { get; set; } = [];

    /// <summary>CondaChannel items.</summary>
    public ITaskItem[] CondaChannels { get; set; } = [];

    /// <summary>VSCodeExtension items.</summary>
    public ITaskItem[] VSCodeExtensions { get; set; } = [];

    /// <summary>PythonProject items.</summary>
    public ITaskItem[] PythonProjects { get; set; } = [];

    /// <summary>PythonWheel items.</summary>
    public ITaskItem[] PythonWheels { get; set; } = [];

    /// <summary>PythonPackage items.</summary>
    public ITaskItem[] PythonPackages { get; set; } = [];

    /// <summary>PythonRequirements items.</summary>
    public ITaskItem[] PythonRequirements { get; set; } = [];

    /// <summary>PythonIndex items.</summary>
    public ITaskItem[] PythonIndexes { get; set; } = [];

    /// <summary>ContainerEnvironmentVariable items.</summary>
    public ITaskItem[] EnvironmentVariables { get; set; } = [];

    /// <summary>ContainerLabel items.</summary>
    public ITaskItem[] Labels { get; set; } = [];

    /// <summary>ContainerPort items.</summary>
    public ITaskItem[] Ports { get; set; } = [];

    /// <summary>Mount items.</summary>
    public ITaskItem[] Mounts { get; set; } = [];

    /// <summary>Service items.</summary>
    public ITaskItem[] Services { get; set; } = [];

    /// <summary>Stage items.</summary>
    public ITaskItem[] Stages { get; set; } = [];

    /// <summary>Step items.</summary>
    public ITaskItem[] Steps { get; set; } = [];

    /// <summary>Secret items.</summary>
    public ITaskItem[] Secrets { get; set; } = [];

    /// <summary>PathEntry items.</summary>
    public ITaskItem[] PathEntries { get; set; } = [];

    /// <summary>CertificateAuthority items.</summary>
    public ITaskItem[] CertificateAuthorities { get; set; } = [];

    /// <summary>AptSource items.</summary>
    public ITaskItem[] AptSources { get; set; } = [];

    /// <summary>Mirror items.</summary>
    public ITaskItem[] Mirrors { get; set; } = [];

    /// <summary>CacheFrom items.</summary>
    public ITaskItem[] CacheFrom { get; set; } = [];

    /// <summary>CacheTo items.</summary>
    public ITaskItem[] CacheTo { get; set; } = [];

    /// <summary>EnvdOutput items.</summary>
    public ITaskItem[] Outputs { get; set; } = [];

    /// <summary>RunOption items.</summary>
    public ITaskItem[] RunOptions { get; set; } = [];

    /// <summary>RuntimeCommand items.</summary>
    public ITaskItem[] RuntimeCommands { get; set; } = [];

    /// <summary>ProjectReference items.</summary>
    public ITaskItem[] ProjectReferences { get; set; } = [];

    /// <summary>The state folders of those that are environments, each with its Context; MSBuild adds the project that each is of.</summary>
    public ITaskItem[] ReferencedStates { get; set; } = [];

    /// <summary>The project has a lock that does not cover it.</summary>
    [Output]
    public bool LockIsStale { get; set; }

    /// <summary>The engine that is meant. Ex: unix:///var/run/docker.sock.</summary>
    [Output]
    public string Engine { get; set; } = "";

    /// <summary>The record of the image on that engine: the output of the image target.</summary>
    [Output]
    public string ImageFile { get; set; } = "";

    /// <summary>Files and folders that the image target writes beside the record. Ex: /out/image.tar.</summary>
    [Output]
    public ITaskItem[] OutputFiles { get; set; } = [];
}
