using System.Text.Json;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Tool.Projects;

namespace Envd.Tool.Commands;

/// <summary>Finds the environment that a verb is about without evaluating its project.</summary>
internal static class EnvironmentName
{
    /// <summary>The name that is given, or that of the project of this folder.</summary>
    public static string Find(string? name, string? project) => name is { Length: > 0 } ? Checked(name) : FromProject(project);

    /// <summary>The engine for verbs that know no project.</summary>
    public static EngineSelection Engine() => EngineSelection.Resolve("", Environment.GetEnvironmentVariable);

    private static string Checked(string name) =>
        Names.IsIdentifier(name) ? name : throw new EnvdException(ErrorCodes.InvalidName, $"'{name}' is no environment's name.", "`envd ls` lists them.");

    private static string FromProject(string? project)
    {
        var file = ProjectLocator.Find(project);
        var state = new StateFolder(Path.Combine(Path.GetDirectoryName(file)!, "obj", "envd"));
        try
        {
            if (AtomicFile.ReadOrNull(state.Run) is { } bytes)
                return SpecFile.ReadRun(bytes).Name;
        }
        catch (JsonException)
        {
            // Half a file, or another version's: the project's own name is the default one.
        }
        return Names.ToSafeName(Path.GetFileNameWithoutExtension(file));
    }
}
