using System.Text.Json.Nodes;

namespace Envd.Runtime.Environments;

/// <summary>The labels by which Envd knows its containers; nothing in them names a folder or user of the host.</summary>
public static class ContainerLabels
{
    /// <summary>The environment's name; also on its image.</summary>
    public const string Name = "dev.envd.name";

    /// <summary>The digest of its image.</summary>
    public const string Image = "dev.envd.image";

    /// <summary>The digest of env.run.json.</summary>
    public const string Run = "dev.envd.run";

    /// <summary>Tells one project from another of the same name.</summary>
    public const string Project = "dev.envd.project";

    /// <summary>The account of the environment; on its image.</summary>
    public const string User = "dev.envd.user";

    /// <summary>The account's login shell; on its image where it is not bash.</summary>
    public const string Shell = "dev.envd.shell";

    /// <summary>Before the name of a command of the environment; on its image.</summary>
    public const string Command = "dev.envd.command.";

    /// <summary>The login shell of a container's account.</summary>
    public static string ShellOf(JsonNode container) => container["Config"]?["Labels"]?[Shell]?.GetValue<string>() ?? "/bin/bash";

    /// <summary>The account of a container's environment.</summary>
    public static string UserOf(JsonNode container) => container["Config"]?["Labels"]?[User]?.GetValue<string>() ?? "envd";
}
