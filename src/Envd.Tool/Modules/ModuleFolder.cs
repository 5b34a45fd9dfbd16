using System.Security.Cryptography;
using System.Text;
using Envd.Core.Diagnostics;

namespace Envd.Tool.Modules;

/// <summary>The files of a module, as they lie in a project.</summary>
public static class ModuleFolder
{
    /// <summary>Where modules lie, beside the project.</summary>
    public const string Root = "modules";

    /// <summary>The file of a module that a project imports: <c>NAME.targets</c>, else the only .targets or .props at its top.</summary>
    /// <exception cref="EnvdException">There is none, or more than one.</exception>
    public static string Entry(string folder, string name)
    {
        var named = Path.Combine(folder, name + ".targets");
        if (File.Exists(named))
            return Path.GetFileName(named);
        var files = Directory.GetFiles(folder).Where(f => Path.GetExtension(f) is ".targets" or ".props").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal).ToList();
        return files.Count == 1 ? files[0] : throw new EnvdException(ErrorCodes.ModuleFailed,
            files.Count == 0 ? $"The module '{name}' holds no .targets file." : $"The module '{name}' holds {string.Join(" and ", files)}, and neither is {name}.targets.",
            "Name the folder of the module by --path, or its name by --name.");
    }

    /// <summary>Puts a module's files in place of what is there.</summary>
    public static void Replace(string source, string target)
    {
        var next = target + ".new";
        if (Directory.Exists(next))
            Directory.Delete(next, recursive: true);
        Copy(source, next);
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        Directory.Move(next, target);
    }

    /// <summary>A digest of names and contents.</summary>
    public static string Digest(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Files(folder))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetRelativePath(folder, file).Replace('\\', '/') + "\0"));
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        }
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Files(source))
        {
            var to = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.WriteAllBytes(to, File.ReadAllBytes(file));
        }
    }

    /// <summary>Regular files in order; git's own, and links, which may lead anywhere, are left out.</summary>
    private static IEnumerable<string> Files(string folder) =>
        Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Where(f => !Path.GetRelativePath(folder, f).Replace('\\', '/').StartsWith(".git/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
