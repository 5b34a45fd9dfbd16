using Envd.Core.Diagnostics;

namespace Envd.Core.StateFiles;

/// <summary>Writes files so that a reader, or a crash, never sees a half of one.</summary>
public static class AtomicFile
{
    /// <summary>Writes a file under a temporary name and moves it into place.</summary>
    /// <exception cref="EnvdException">The folder cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
                RandomAccess.Write(file, bytes, 0);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception inner) when (inner is IOException or UnauthorizedAccessException)
            {
                // What could not be written cannot always be removed; the first failure says why.
            }
            throw new EnvdException(ErrorCodes.StateNotWritable, $"'{path}' cannot be written: {e.Message}",
                "Make the folder writable, free some space, or set BaseIntermediateOutputPath to another folder.", inner: e);
        }
    }

    /// <summary>Writes a file only where its bytes differ, so that its time tells when it last changed.</summary>
    /// <returns>Whether it was written.</returns>
    public static bool WriteIfDifferent(string path, ReadOnlySpan<byte> bytes)
    {
        if (ReadOrNull(path) is { } old && bytes.SequenceEqual(old))
            return false;
        Write(path, bytes);
        return true;
    }

    /// <summary>Deletes a file; one that is not there, nor its folder, is no error.</summary>
    public static void Delete(string path)
    {
        if (File.Exists(path))
            File.Delete(path);
    }

    /// <summary>The bytes of a file, or null where there is none that can be read.</summary>
    public static byte[]? ReadOrNull(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
