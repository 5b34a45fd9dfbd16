using System.Runtime.InteropServices;

namespace Envd.Runtime.Environments;

/// <summary>Who starts an environment: the account in it takes over these ids.</summary>
internal static class Caller
{
    /// <summary>The ids that files in the mounted project have; 1000 where this system has none.</summary>
    public static (uint Uid, uint Gid) Ids() => OperatingSystem.IsLinux() ? (getuid(), getgid()) : (1000, 1000);

    /// <summary>The ids in the environment, and what has to be said where an engine maps ids so that they cannot be the caller's own.</summary>
    /// <param name="securityOptions">Of the engine's /info.</param>
    public static (uint Uid, uint Gid, string Note) On(IEnumerable<string> securityOptions)
    {
        var (uid, gid) = Ids();
        foreach (var option in securityOptions)
        {
            // root inside is the caller outside; any other account inside is nobody that the caller knows.
            if (option.StartsWith("name=rootless", StringComparison.Ordinal))
                return (0, 0, "The engine is rootless: in the environment you are root, which is yourself outside of it.");
            if (option.StartsWith("name=userns", StringComparison.Ordinal))
                return (uid, gid, "The engine remaps users (userns-remap): files that the environment writes into mounted folders belong to another account outside of it.");
        }
        return (uid, gid, "");
    }

    [DllImport("libc")]
    private static extern uint getuid();

    [DllImport("libc")]
    private static extern uint getgid();
}
