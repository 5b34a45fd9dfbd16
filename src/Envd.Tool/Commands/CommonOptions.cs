using System.CommandLine;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    public static Option<string?> Project() => new("--project") { Description = "The project file, or its folder. Default: the only environment project of this folder.", HelpName = "path" };

    public static Option<string[]> Property() => new("--property", "-p") { Description = "An MSBuild property, as NAME=VALUE.", HelpName = "name=value" };

    public static Option<ProgressStyle> Progress() => new("--progress") { Description = "How the build is shown: Auto, Plain, Json or Quiet.", DefaultValueFactory = _ => ProgressStyle.Auto };
}
