using System.Security.Cryptography;
using Envd.Core.Graph;
using Envd.Core.Spec;

namespace Envd.Core.Locks;

/// <summary>What a lock depends on, as lines that a person can compare, and what of it a lock does not cover.</summary>
/// <remarks>A lock covers a project that declares less than was locked: what was removed is left out of the image, and the lock stays as it is.</remarks>
public static class LockInputs
{
    /// <summary>Of the Python packages; empty where there are none.</summary>
    /// <param name="spec">The project.</param>
    /// <param name="context">The folder of its files.</param>
    public static IReadOnlyList<string> OfPython(EnvironmentSpec spec, string context)
    {
        if (spec.Python is not { } python)
            return [];
        var inputs = new List<string> { $"base {spec.BaseImage}", $"python {(python.Manager.Length > 0 ? python.Manager + " " : "")}{python.Version}".TrimEnd() };
        if (python.SystemSitePackages)
            inputs.Add("system packages");
        foreach (var index in python.Indexes)
            inputs.Add($"index {index.Name} {(index.Url.Length > 0 ? index.Url : "(a folder)")} {index.Format}{(index.Packages is { } packages ? " for " + string.Join(' ', packages) : "")}");
        foreach (var file in python.FileClosure.Concat(python.Wheels))
            inputs.Add($"file {file} {DigestOf(Path.Combine(context, file))}");
        inputs.AddRange(python.Requirements.Select(r => "requirement " + r));
        return inputs;
    }

    /// <summary>What decides, beside names, which packages of apt are chosen.</summary>
    public static IReadOnlyList<string> OfApt(EnvironmentSpec spec, string context) =>
    [
        $"base {spec.BaseImage}",
        .. spec.Mirrors.Where(m => m.Of == "apt").Select(m => "mirror " + m.Url),
        .. spec.AptSources.Select(s => $"file {s.Path} {DigestOf(Path.Combine(context, s.Path))}"),
    ];

    /// <summary>What the project declares and the lock does not cover, in words.</summary>
    public static IReadOnlyList<string> Missing(EnvironmentSpec spec, string context, EnvironmentLock? held)
    {
        if (held is null)
            return [$"{spec.Platform} is not locked"];
        var changes = new List<string>();
        var wanted = OfPython(spec, context);
        if (wanted.Any(w => w.StartsWith("requirement ", StringComparison.Ordinal) || w.StartsWith("file ", StringComparison.Ordinal)))
            changes.AddRange(Compare("", wanted, held.Python?.Inputs ?? []));
        var sources = OfApt(spec, context);
        foreach (var step in Planner.LockableAptSteps(spec))
            changes.AddRange(held.Apt.FirstOrDefault(g => g.Step == step.Id) is { } group
                ? Compare("apt: ", [.. step.Packages.Select(p => "package " + p), .. sources], [.. group.Packages.Select(p => "package " + p), .. group.Sources])
                : step.Packages.Select(p => $"apt: package {p} is new"));
        return [.. changes.Distinct(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Compare(string prefix, IReadOnlyList<string> wanted, IReadOnlyList<string> locked)
    {
        foreach (var line in wanted.Except(locked, StringComparer.Ordinal))
        {
            var subject = Subject(line);
            yield return prefix + (locked.FirstOrDefault(l => Subject(l) == subject && !wanted.Contains(l)) is { } before
                ? $"{Short(before)} is now {Short(line)}" : $"{Short(line)} is new");
        }
    }

    // The word that says what it is, and the name before any version.
    private static string Subject(string line)
    {
        var words = line.Split(' ', 3);
        return words[0] is "base" or "python" || words.Length < 2 ? words[0]
            : words[0] + ' ' + string.Concat(words[1].TakeWhile(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '+'));
    }

    private static string Short(string line) => line.Length > 120 ? line[..120] + "…" : line;

    private static string DigestOf(string path) => File.Exists(path) ? "sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))) : "absent";
}
