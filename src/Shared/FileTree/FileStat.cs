using System.Runtime.InteropServices;

namespace Envd.FileTree;

/// <summary>What a stat of one path says, links not followed.</summary>
internal readonly record struct FileStat(uint Mode, long Size, long ModifiedNanoseconds, ulong Device, ulong Inode, uint Links)
{
    private const uint TypeMask = 0xF000;

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsLink => (Mode & TypeMask) == 0xA000;

    public bool IsFifo => (Mode & TypeMask) == 0x1000;

    public bool IsSocket => (Mode & TypeMask) == 0xC000;

    public bool IsDevice => (Mode & TypeMask) is 0x2000 or 0x6000;

    /// <summary>Permission bits, with setuid, setgid and sticky: octal 07777.</summary>
    public uint Permissions => Mode & 0xFFF;

    /// <summary>Stats a path; false where nothing is there.</summary>
    /// <exception cref="IOException">The path is there and cannot be looked at.</exception>
    public static bool TryGet(string path, out FileStat stat) =>
        OperatingSystem.IsLinux() ? TryGetLinux(path, out stat) : TryGetPortable(path, out stat);

    private static bool TryGetLinux(string path, out FileStat stat)
    {
        if (statx(AtFdCwd, path, AtSymlinkNoFollow, StatxBasicStats, out var x) != 0)
        {
            stat = default;
            return Marshal.GetLastPInvokeError() switch
            {
                ErrorNoEntry or ErrorNotDirectory => false,
                var error => throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}"),
            };
        }
        stat = new FileStat(x.Mode, (long)x.Size, x.ModifiedSeconds * 1_000_000_000 + x.ModifiedNanoseconds,
            ((ulong)x.DeviceMajor << 32) | x.DeviceMinor, x.Inode, x.Links);
        return true;
    }

    // Without statx neither inode nor link count is to be had: every file counts as one of its own.
    private static bool TryGetPortable(string path, out FileStat stat)
    {
        FileSystemInfo info = new FileInfo(path);
        if (!info.Exists && info.LinkTarget is null)
            info = new DirectoryInfo(path);
        stat = default;
        if (!info.Exists && info.LinkTarget is null)
            return false;
        var type = info.LinkTarget is not null ? 0xA000u : info is DirectoryInfo ? 0x4000u : 0x8000u;
        var mode = OperatingSystem.IsWindows() ? 0x1EDu : (uint)info.UnixFileMode;
        var nanoseconds = (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100;
        stat = new FileStat(type | mode, info is FileInfo { LinkTarget: null } file ? file.Length : 0, nanoseconds, 0, 0, 1);
        return true;
    }

    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const uint StatxBasicStats = 0x7ff;
    private const int ErrorNoEntry = 2;
    private const int ErrorNotDirectory = 20;

    // statx(2): one layout for every architecture, unlike stat(2).
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(16)] public uint Links;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(112)] public long ModifiedSeconds;
        [FieldOffset(120)] public uint ModifiedNanoseconds;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }

    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int statx(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out StatxBuffer buffer);
}
