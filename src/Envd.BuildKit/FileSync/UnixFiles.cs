using System.Runtime.InteropServices;
using System.Text;

namespace Envd.BuildKit.FileSync;

/// <summary>What of POSIX files .NET has no calls for: hard links and extended attributes. On other systems there are none.</summary>
internal static class UnixFiles
{
    // As root one sees more than as a user, and a build must not depend on who runs it: these are what a program's behaviour depends on.
    private static bool IsSent(string name) => name.StartsWith("user.", StringComparison.Ordinal) || name == "security.capability";

    /// <summary>Makes a hard link.</summary>
    /// <exception cref="IOException">The file system refuses.</exception>
    public static void HardLink(string existing, string path)
    {
        if (OperatingSystem.IsWindows())
            File.Copy(existing, path, overwrite: false);
        else if (link(existing, path) != 0)
            throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    /// <summary>The attributes of a file, links not followed; null where it has none, which is the common case.</summary>
    public static SortedDictionary<string, byte[]>? Attributes(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> names = stackalloc byte[1024];
        var length = llistxattr(path, ref MemoryMarshal.GetReference(names), names.Length);
        if (length <= 0)
            return null;
        SortedDictionary<string, byte[]>? result = null;
        foreach (var name in Encoding.UTF8.GetString(names[..(int)length]).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IsSent(name))
                continue;
            var value = new byte[4096];
            var size = lgetxattr(path, name, ref value[0], value.Length);
            if (size >= 0)
                (result ??= new(StringComparer.Ordinal))[name] = value[..(int)size];
        }
        return result;
    }

    /// <summary>Sets an attribute where the file system and this user's rights allow it.</summary>
    public static void SetAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        if (OperatingSystem.IsLinux() && IsSent(name))
            _ = lsetxattr(path, name, ref MemoryMarshal.GetReference(value), value.Length, 0);
    }

#pragma warning disable CA2101 // every text is marshalled as UTF-8 explicitly
    [DllImport("libc", SetLastError = true)]
    private static extern int link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string path);

    [DllImport("libc", SetLastError = true)]
    private static extern nint llistxattr([MarshalAs(UnmanagedType.LPUTF8Str)] string path, ref byte list, nint size);

    [DllImport("libc", SetLastError = true)]
    private static extern nint lgetxattr([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, ref byte value, nint size);

    [DllImport("libc", SetLastError = true)]
    private static extern int lsetxattr([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, ref byte value, nint size, int flags);
#pragma warning restore CA2101
}
