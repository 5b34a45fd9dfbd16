using System.Runtime.InteropServices;

namespace Envd.Runtime.Environments;

/// <summary>Who starts an environment: the account in it takes over these ids.</summary>
internal static class Caller
{
    /// <summary>The ids that files in the mounted project have; 1000 where this system has none.</summary>
    public static (uint Uid, uint Gid) Ids() => OperatingSystem.IsLinux() ? (getuid(), getgid()) : (1000, 1000);

    [DllImport("libc")]
    private static extern uint getuid();

    [DllImport("libc")]
    private static extern uint getgid();
}
