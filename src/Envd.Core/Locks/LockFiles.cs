using System.Text;
using Envd.Core.Diagnostics;
using Envd.Core.StateFiles;

namespace Envd.Core.Locks;

/// <summary>The lock files of a project: pylock.toml and envd.lock.json beside it, or pylock.VARIANT.toml and envd.VARIANT.lock.json.</summary>
/// <param name="Python">pylock.toml, absolute.</param>
/// <param name="System">envd.lock.json, absolute.</param>
public sealed record LockFiles(string Python, string System)
{
    /// <summary>The files of a project.</summary>
    public static LockFiles Of(string projectFile, string variant)
    {
        var folder = Path.GetDirectoryName(projectFile)!;
        var part = variant.Length > 0 ? "." + variant : "";
        return new LockFiles(Path.Combine(folder, $"pylock{part}.toml"), Path.Combine(folder, $"envd{part}.lock.json"));
    }

    /// <summary>Is there any of them?</summary>
    public bool Exist => File.Exists(Python) || File.Exists(System);

    /// <summary>Reads both; a platform is in the answer where either file has it.</summary>
    /// <exception cref="EnvdException">One cannot be read.</exception>
    public IReadOnlyList<EnvironmentLock> Read()
    {
        var system = Read(System, bytes => SystemLockFile.Read(bytes)) ?? [];
        var python = Read(Python, bytes => PythonLockFile.Read(Encoding.UTF8.GetString(bytes))) ?? new Dictionary<string, PythonLock>();
        return [.. system.Select(l => l.Platform).Concat(python.Keys).Distinct().Order(StringComparer.Ordinal)
            .Select(p => (system.FirstOrDefault(l => l.Platform == p) ?? new EnvironmentLock { Platform = p }) with { Python = python.GetValueOrDefault(p) })];
    }

    /// <summary>What a lock of another tool holds.</summary>
    /// <exception cref="EnvdException">It cannot be read.</exception>
    public IReadOnlyList<ForeignPackage> ReadForeign() => Read(Python, bytes => PythonLockFile.ReadForeign(Encoding.UTF8.GetString(bytes))) ?? [];

    /// <summary>Writes both where they differ.</summary>
    public void Write(IReadOnlyList<EnvironmentLock> locks)
    {
        AtomicFile.WriteIfDifferent(System, SystemLockFile.Write(locks));
        if (locks.Any(l => l.Python is not null))
            AtomicFile.WriteIfDifferent(Python, Encoding.UTF8.GetBytes(PythonLockFile.Write(locks)));
        else
            AtomicFile.Delete(Python);
    }

    private static T? Read<T>(string path, Func<byte[], T> read)
        where T : class
    {
        try
        {
            return AtomicFile.ReadOrNull(path) is { } bytes ? read(bytes) : null;
        }
        catch (LockFormatException e)
        {
            throw new EnvdException(ErrorCodes.LockUnreadable, $"{Path.GetFileName(path)} cannot be used: {e.Message}.",
                e.IsNewer ? "Update Envd.Sdk and the envd command." : "Take back what was changed in it, or delete it and run `envd lock`.", new SourcePosition(path, Math.Max(e.Line, 1), 1), e);
        }
    }
}
