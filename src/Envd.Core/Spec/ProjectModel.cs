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

    /// <summary>The person's own file of items, absolute; empty where none is imported.</summary>
    public string UserFile { get; init; } = "";

    /// <summary>Referenced environments, composed before this one.</summary>
    public IReadOnlyList<ReferencedProject> References { get; init; } = [];

    /// <summary>A property; empty where it is not set.</summary>
    public string Property(string name) => Properties.GetValueOrDefault(name, "").Trim();
}

/// <summary>A referenced environment.</summary>
/// <param name="ProjectFile">Absolute.</param>
/// <param name="ContextDirectory">The folder that its steps copy from.</param>
/// <param name="StateDirectory">The folder of its env.spec.json.</param>
/// <param name="Stage">Metadata of the reference: <c>base</c>, a name for its stage, or empty.</param>
public sealed record ReferencedProject(string ProjectFile, string ContextDirectory, string StateDirectory, string Stage);
