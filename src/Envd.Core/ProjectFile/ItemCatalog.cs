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
            ["Language"] = Set("Version", "Manager"),
            ["AptPackage"] = Set("Version"),
            ["PythonPackage"] = Set("Version", "Extras", "Marker", "Url", "Stage"),
            ["PythonRequirements"] = Set("ConstraintsOnly", "Stage"),
            ["PythonIndex"] = Set("Url", "Format", "Trusted"),
            ["ContainerEnvironmentVariable"] = Set("Value"),
            ["ContainerLabel"] = Set("Value"),
            ["ContainerPort"] = Set("Type", "HostPort", "ListenAddress"),
            ["Mount"] = Set("Source", "ReadOnly", "Size"),
            ["Service"] = Set("Kind", "Arguments", "Provider", "Command", "Port", "DependsOn", "Restart", "Environment", "User",
                "WorkingDirectory", "HealthCheck", "OneShot", "Main", "HostPort", "ListenAddress", "Token"),
            ["Stage"] = Set("From", "AddToImage"),
            ["Step"] = Set("Title", "Stage", "Run", "Script", "Arguments", "Copy", "TargetPath", "FromStage", "FromImage", "Mode",
                "User", "WorkingDirectory", "Environment", "Cache", "Network"),
        };

    /// <summary>Items whose Include is a name, never a file pattern.</summary>
    public static bool IncludeIsName(string type) => !type.Equals("PythonRequirements", StringComparison.OrdinalIgnoreCase);

    /// <summary>Metadata that reach a shell, a command line or a path in the environment.</summary>
    public static readonly IReadOnlySet<string> ShellText = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "Run", "Command", "Arguments", "HealthCheck", "TargetPath", "Copy", "WorkingDirectory", "Cache",
    };

    /// <summary>Whether a name is an attribute of the item element itself.</summary>
    public static bool IsStructural(string name) => Structural.Contains(name);

    private static HashSet<string> Set(params string[] names) => new(names, StringComparer.OrdinalIgnoreCase);
}
