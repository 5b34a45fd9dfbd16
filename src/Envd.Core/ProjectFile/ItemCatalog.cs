namespace Envd.Core.ProjectFile;

/// <summary>The items of the project file and the metadata of each: one table for checks, messages and documentation.</summary>
public static class ItemCatalog
{
    /// <summary>What MSBuild takes off an item without a word.</summary>
    public static readonly IReadOnlySet<string> Swallowed = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "Label", "KeepDuplicates", "KeepMetadata", "RemoveMetadata", "MatchOnMetadata",
    };

    private static readonly HashSet<string> Structural = new(StringComparer.OrdinalIgnoreCase)
    {
        "Include", "Exclude", "Remove", "Update", "Condition",
    };

    /// <summary>Metadata by item type.</summary>
    public static readonly IReadOnlyDictionary<string, IReadOnlySet<string>> Items =
        new Dictionary<string, IReadOnlySet<string>>(StringComparer.OrdinalIgnoreCase)
        {
            ["Language"] = Set("Version", "Manager", "Checksum"),
            ["AptPackage"] = Set("Version", "Stage"),
            ["DnfPackage"] = Set("Version", "Stage"),
            ["ApkPackage"] = Set("Version", "Stage"),
            ["NpmPackage"] = Set("Version", "Url", "Stage"),
            ["RPackage"] = Set("Version", "Url", "Stage"),
            ["JuliaPackage"] = Set("Version", "Url", "Stage"),
            ["CondaPackage"] = Set("Version", "Build", "Channel", "Stage"),
            ["CondaEnvironmentFile"] = Set(),
            ["CondaChannel"] = Set(),
            ["VSCodeExtension"] = Set("Version", "Sha256"),
            ["PythonPackage"] = Set("Version", "Extras", "Marker", "Url", "BuildIsolation", "BuildEnvironment", "PreRelease", "Stage"),
            ["PythonRequirements"] = Set("ConstraintsOnly", "Stage"),
            ["PythonProject"] = Set("Extras", "DependencyGroups", "Editable"),
            ["PythonWheel"] = Set(),
            ["PythonIndex"] = Set("Url", "Packages", "Format", "Trusted", "UserName", "Secret"),
            ["ContainerEnvironmentVariable"] = Set("Value"),
            ["ContainerLabel"] = Set("Value"),
            ["ContainerPort"] = Set("Type", "HostPort", "ListenAddress"),
            ["Mount"] = Set("Source", "ReadOnly", "Size"),
            ["Dataset"] = Set("Source", "TargetPath", "ReadOnly", "Secret"),
            ["Service"] = Set("Kind", "Arguments", "Provider", "Command", "Port", "DependsOn", "Restart", "Environment", "User",
                "WorkingDirectory", "StandardOutput", "StandardError", "HealthCheck", "OneShot", "Main", "HostPort", "ListenAddress", "Token"),
            ["Stage"] = Set("From", "Merge", "Diff", "Platform", "AddToImage"),
            ["Step"] = Set("Title", "Stage", "Run", "Script", "Arguments", "Copy", "Download", "Checksum", "Unpack", "Git", "Ref", "WriteFile", "MakeDirectory", "Delete",
                "TargetPath", "FromStage", "FromImage", "Mode", "Owner", "User", "WorkingDirectory", "Environment", "Cache", "CacheSharing", "Mounts", "Secrets", "SshAgent", "Network"),
            ["Secret"] = Set("Source", "Scope", "EnvironmentVariable"),
            ["PathEntry"] = Set("Position", "Variable"),
            ["CertificateAuthority"] = Set(),
            ["AptSource"] = Set("KeyFile", "Replace"),
            ["Mirror"] = Set("Url"),
            ["RunOption"] = Set("Value"),
            ["RuntimeCommand"] = Set("Command", "WorkingDirectory"),
            ["ProjectReference"] = Set("Stage", "ReferenceOutputAssembly", "OutputItemType", "Private", "GlobalPropertiesToRemove", "AdditionalProperties"),
            ["CacheFrom"] = Set(),
            ["CacheTo"] = Set(),
            ["EnvdOutput"] = Set("Path"),
        };

    /// <summary>Items whose Include is a name, never a file pattern.</summary>
    public static bool IncludeIsName(string type) => !Files.Contains(type);

    private static readonly HashSet<string> Files = Set("PythonRequirements", "PythonProject", "PythonWheel", "CondaEnvironmentFile", "CertificateAuthority", "AptSource", "ProjectReference");

    /// <summary>Metadata that reach a shell, a command line or a path in the environment.</summary>
    public static readonly IReadOnlySet<string> ShellText = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "Run", "Command", "Arguments", "HealthCheck", "TargetPath", "Copy", "WorkingDirectory", "Cache", "WriteFile", "MakeDirectory", "Delete", "Mounts", "StandardOutput", "StandardError",
    };

    /// <summary>Whether a name is an attribute of the item element itself.</summary>
    public static bool IsStructural(string name) => Structural.Contains(name);

    private static HashSet<string> Set(params string[] names) => new(names, StringComparer.OrdinalIgnoreCase);
}
