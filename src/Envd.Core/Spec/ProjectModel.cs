using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

/// <summary>An evaluated project, free of MSBuild's types: all that a spec is made from.</summary>
public sealed record ProjectModel
{
    /// <summary>The project file, absolute.</summary>
    public required string ProjectFile { get; init; }

    /// <summary>The folder that steps copy from, absolute.</summary>
    public required string ContextDirectory { get; init; }

    /// <summary>Items of all types, each type in declared order.</summary>
    public required IReadOnlyList<ProjectItem> Items { get; init; }

    /// <summary>Properties by name, unescaped; unset ones are absent or empty.</summary>
    public required IReadOnlyDictionary<string, string> Properties { get; init; }

    /// <summary>A property; empty where it is not set.</summary>
    public string Property(string name) => Properties.GetValueOrDefault(name, "").Trim();
}
