using Envd.Core.Diagnostics;

namespace Envd.Core.Spec;

/// <summary>Follows <c>-r</c> and <c>-c</c> through requirements files (pip's requirements file format).</summary>
internal static class RequirementsFiles
{
    private static readonly string[] Options = ["--requirement", "--constraint", "-r", "-c"];

    /// <summary>The file and every file that it includes, relative to the context, each once.</summary>
    public static IReadOnlyList<string> Closure(string context, IEnumerable<string> files, Action<Diagnostic> report)
    {
        var found = new List<string>();
        var queue = new Queue<(string Path, SourcePosition? From)>(files.Select(f => (f, (SourcePosition?)null)));
        while (queue.TryDequeue(out var next))
        {
            if (found.Contains(next.Path))
                continue;
            string[] lines;
            try
            {
                lines = File.ReadAllLines(Path.Combine(context, next.Path));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                report(new Diagnostic(ErrorCodes.MissingFile, $"The requirements file '{next.Path}' cannot be read: {e.Message}",
                    "Write its path relative to the project's folder.", next.From));
                continue;
            }
            found.Add(next.Path);
            for (var i = 0; i < lines.Length; i++)
            {
                if (Included(lines[i].Trim()) is not { } included || included.Contains("://", StringComparison.Ordinal))
                    continue;
                // A nested path is relative to the file that names it.
                var full = Path.GetFullPath(Path.Combine(context, Path.GetDirectoryName(next.Path) ?? "", included));
                var relative = Path.GetRelativePath(context, full).Replace('\\', '/');
                var position = new SourcePosition(Path.Combine(context, next.Path), i + 1, 1);
                if (relative.StartsWith("..", StringComparison.Ordinal))
                    report(new Diagnostic(ErrorCodes.InvalidValue, $"'{included}' lies outside of the project's folder.",
                        "Set EnvdContextDirectory to a folder that holds both.", position));
                else
                    queue.Enqueue((relative, position));
            }
        }
        return found;
    }

    private static string? Included(string line)
    {
        foreach (var option in Options)
        {
            if (!line.StartsWith(option, StringComparison.Ordinal))
                continue;
            var rest = line[option.Length..];
            if (rest.Length == 0 || (option.StartsWith("--", StringComparison.Ordinal) && rest[0] is not (' ' or '=' or '\t')))
                continue;
            var value = rest.TrimStart('=', ' ', '\t');
            var comment = value.IndexOf(" #", StringComparison.Ordinal);
            return (comment < 0 ? value : value[..comment]).Trim().Trim('"', '\'');
        }
        return null;
    }
}
