using Envd.Core.Diagnostics;
using Envd.Core.Spec;

namespace Envd.Core.Locks;

/// <summary>Puts into a spec what its image takes from the lock files.</summary>
public static class LockSelection
{
    /// <summary>The specs with their locks; the run spec says what the locks do not cover.</summary>
    /// <param name="result">As the project declares it.</param>
    /// <param name="projectFile">The lock files lie beside it.</param>
    /// <param name="context">The folder of its files.</param>
    /// <param name="locked">The project refuses a lock that does not cover it.</param>
    /// <param name="diagnostics">Takes what is wrong.</param>
    public static SpecResult Apply(SpecResult result, string projectFile, string context, bool locked, DiagnosticBag diagnostics)
    {
        var spec = result.Environment;
        var files = LockFiles.Of(projectFile, result.Run.Variant);
        if (!files.Exist)
        {
            if (locked)
                diagnostics.Error(ErrorCodes.LockStale, "EnvdLocked is true, and the project has no lock.", "Run `envd lock` (or `dotnet build -t:EnvdLock`) and commit what it writes.", new SourcePosition(projectFile, 0, 0));
            return result;
        }
        IReadOnlyList<EnvironmentLock> held;
        try
        {
            held = files.Read();
        }
        catch (EnvdException e)
        {
            diagnostics.Add(e.Diagnostic);
            return result;
        }
        var changes = new List<string>();
        var selected = new List<EnvironmentLock>();
        foreach (var platform in spec.Platforms.Append(spec.Platform).Distinct())
        {
            var missing = LockInputs.Missing(spec with { Platform = platform }, context, held.FirstOrDefault(l => l.Platform == platform));
            changes.AddRange(missing);
            if (missing.Count == 0)
                selected.Add(Select(held.First(l => l.Platform == platform), result, projectFile, context, changes));
        }
        if (changes.Count == 0)
            return result with { Environment = spec with { Locks = selected } };
        if (locked)
            diagnostics.Error(ErrorCodes.LockStale, $"The lock is out of date: {string.Join("; ", changes.Take(8))}{(changes.Count > 8 ? $"; and {changes.Count - 8} more" : "")}.",
                "Run `envd lock` and commit what it writes.", new SourcePosition(projectFile, 0, 0));
        return result with { Run = result.Run with { LockChanges = changes } };
    }

    /// <summary>What of a lock an image needs: what the project reaches, in the spec's own terms.</summary>
    private static EnvironmentLock Select(EnvironmentLock held, SpecResult result, string projectFile, string context, List<string> changes)
    {
        if (result.Environment.Python is not { } python || held.Python is not { } locked)
            return held with { Python = null };
        var folder = Path.GetDirectoryName(projectFile)!;
        var packages = new List<LockedPackage>();
        foreach (var package in Reachable(python, locked))
        {
            if (package.Path.Length == 0)
            {
                packages.Add(package);
                continue;
            }
            var full = Path.GetFullPath(Path.Combine(folder, package.Path));
            var inContext = Path.GetRelativePath(context, full).Replace('\\', '/');
            if (python.Wheels.Contains(inContext))
                packages.Add(package with { Path = inContext });
            // The folder of an index is this machine's; the spec knows it by the index' name.
            else if (result.Run.IndexFolders.FirstOrDefault(i => Path.GetFullPath(i.Value) == Path.GetDirectoryName(full)) is { } index)
                packages.Add(package with { Path = "", Folder = index.Name });
            else
                changes.Add($"{package.Path} lies in no PythonIndex and is no PythonWheel");
        }
        return held with { Python = locked with { Inputs = [], Packages = packages, Large = [.. locked.Large.Where(n => packages.Exists(p => p.Name == n))] } };
    }

    private static IEnumerable<LockedPackage> Reachable(PythonSpec python, PythonLock locked)
    {
        var byName = locked.Packages.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var declared = python.Requirements.Select(r => NameOf(r)).ToHashSet(StringComparer.Ordinal);
        var lockedRequirements = locked.Inputs.Where(i => i.StartsWith("requirement ", StringComparison.Ordinal)).Select(i => NameOf(i["requirement ".Length..])).ToHashSet(StringComparer.Ordinal);
        // What was asked for and is no requirement of an item came from a file or a wheel.
        var roots = declared.Concat(python.Files.Count + python.Wheels.Count > 0 ? locked.Packages.Where(p => p.Requested && !lockedRequirements.Contains(p.Name)).Select(p => p.Name) : []).ToHashSet(StringComparer.Ordinal);
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Stack<string>(roots);
        while (pending.TryPop(out var name))
            if (byName.TryGetValue(name, out var package) && reached.Add(name))
                foreach (var dependency in package.Dependencies)
                    pending.Push(dependency);
        return locked.Packages.Where(p => reached.Contains(p.Name)).Select(p => p with { Requested = roots.Contains(p.Name) });
    }

    /// <summary>The normalised name that a requirement begins with.</summary>
    public static string NameOf(string requirement) =>
        Names.NormalizePython(string.Concat(requirement.TakeWhile(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')));
}
