using Envd.FileTree;

namespace Envd.BuildKit.FileSync;

/// <summary>The mode of fsutil's STAT: Go's <c>os.FileMode</c>, whose type bits differ from stat(2)'s.</summary>
internal static class GoFileMode
{
    public const uint Directory = 1u << 31;
    public const uint Link = 1u << 27;
    public const uint Device = 1u << 26;
    public const uint Fifo = 1u << 25;
    public const uint Socket = 1u << 24;
    public const uint SetUser = 1u << 23;
    public const uint SetGroup = 1u << 22;
    public const uint Sticky = 1u << 20;
    public const uint Permissions = 0x1FF;

    public static uint From(FileStat stat)
    {
        var mode = stat.Permissions & Permissions;
        if ((stat.Permissions & 0x800) != 0)
            mode |= SetUser;
        if ((stat.Permissions & 0x400) != 0)
            mode |= SetGroup;
        if ((stat.Permissions & 0x200) != 0)
            mode |= Sticky;
        return mode | (stat.IsDirectory ? Directory : stat.IsLink ? Link : stat.IsFifo ? Fifo : stat.IsDevice ? Device : 0);
    }

    /// <summary>The bits of chmod(2).</summary>
    public static uint ToPermissions(uint mode) =>
        (mode & Permissions) | ((mode & SetUser) != 0 ? 0x800u : 0) | ((mode & SetGroup) != 0 ? 0x400u : 0) | ((mode & Sticky) != 0 ? 0x200u : 0);
}
