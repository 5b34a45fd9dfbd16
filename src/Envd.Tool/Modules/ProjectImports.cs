using System.Text;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;
using Envd.Core.StateFiles;

namespace Envd.Tool.Modules;

/// <summary>Import elements of a project file, written without touching the rest of its text.</summary>
public static class ProjectImports
{
    /// <summary>Adds an Import at the end of a project, unless it is there.</summary>
    /// <returns>False where it was there.</returns>
    /// <exception cref="EnvdException">The project has no end tag to put it before.</exception>
    public static bool Add(string projectFile, string path)
    {
        if (RawProject.Load(projectFile).Imports.Any(i => i.Replace('\\', '/') == path))
            return false;
        var text = File.ReadAllText(projectFile);
        var end = text.LastIndexOf("</Project>", StringComparison.Ordinal);
        if (end < 0)
            throw new EnvdException(ErrorCodes.ModuleFailed, $"'{Path.GetFileName(projectFile)}' has no </Project> to write the Import before.", $"Write <Import Project=\"{path}\" /> into it.", new SourcePosition(projectFile, 0, 0));
        var newLine = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        var lineStart = text.LastIndexOf('\n', Math.Max(end - 1, 0)) + 1;
        var ownLine = string.IsNullOrWhiteSpace(text[lineStart..end]);
        var element = $"  <Import Project=\"{path}\" />{newLine}";
        text = ownLine ? text[..lineStart] + element + text[lineStart..] : text[..end] + newLine + element + text[end..];
        AtomicFile.Write(projectFile, new UTF8Encoding(HasMark(projectFile)).GetPreamble().Concat(Encoding.UTF8.GetBytes(text)).ToArray());
        return true;
    }

    private static bool HasMark(string file)
    {
        Span<byte> first = stackalloc byte[3];
        using var stream = File.OpenRead(file);
        return stream.ReadAtLeast(first, 3, throwOnEndOfStream: false) == 3 && first.SequenceEqual(Encoding.UTF8.Preamble);
    }
}
