using Envd.Core.Diagnostics;

namespace Envd.Tool.Projects;

/// <summary>Finds the project that a command is about.</summary>
internal static class ProjectLocator
{
    /// <summary>The file that is named, or the only environment project of a folder.</summary>
    /// <exception cref="EnvdException">There is none, or more than one.</exception>
    public static string Find(string? path)
    {
        var full = Path.GetFullPath(path ?? ".");
        if (File.Exists(full))
            return full;
        if (!Directory.Exists(full))
            throw new EnvdException(ErrorCodes.NoProject, $"'{full}' is neither a project file nor a folder.", "Name the project by --project.");
        var projects = Directory.GetFiles(full, "*.*proj").Order(StringComparer.Ordinal).ToList();
        var environments = projects.Count == 1 ? projects : [.. projects.Where(IsEnvironment)];
        return environments switch
        {
            [var only] => only,
            [] => throw new EnvdException(ErrorCodes.NoProject, $"There is no environment project in '{full}'.", "Make one by `dotnet new envd-python`, or name it by --project."),
            _ => throw new EnvdException(ErrorCodes.NoProject, $"There is more than one environment project in '{full}': {string.Join(", ", environments.Select(Path.GetFileName))}.", "Name one by --project."),
        };
    }

    private static bool IsEnvironment(string path)
    {
        try
        {
            return File.ReadAllText(path).Contains("Envd.Sdk", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
