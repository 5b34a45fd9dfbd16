using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

using Envd.Core.Diagnostics;
using Envd.Runtime.Environments;

namespace Envd.Runtime.Ssh;

/// <summary>
/// Makes `ssh NAME.envd` work: a key of our own, a file per environment, and one Include line in the user's ssh configuration
/// (ssh_config(5)). Host keys are pinned to what the container itself shows.
/// </summary>
public sealed class SshConfiguration
{
    private static string Folder => Path.Combine(HostState.Base("XDG_CONFIG_HOME", ".config"), "envd", "ssh");

    private static string KeyFile => Path.Combine(Folder, "id_ecdsa");

    /// <summary>The public key in OpenSSH's form; the pair is made at the first use and never leaves this machine.</summary>
    public static string PublicKey()
    {
        if (!File.Exists(KeyFile) || !File.Exists(KeyFile + ".pub"))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            HostState.WritePrivate(KeyFile + ".pub", ToOpenSsh(key) + "\n");
            HostState.WritePrivate(KeyFile, key.ExportECPrivateKeyPem() + "\n");
        }
        return File.ReadAllText(KeyFile + ".pub").Trim();
    }

    /// <summary>The configuration file of an environment.</summary>
    public static string FileOf(string name) => Path.Combine(Folder, "config.d", name + ".conf");

    /// <summary>Writes an environment's host entry and its host key.</summary>
    public static void Add(string name, string user, BoundPort bound, string hostKey)
    {
        var knownHosts = new HostState(name).File("known_hosts");
        HostState.WritePrivate(knownHosts, $"{name}.envd {hostKey}\n");
        HostState.WritePrivate(FileOf(name), string.Create(CultureInfo.InvariantCulture, $"""
            # Written by `envd up`, removed by `envd down`.
            Host {name}.envd
              HostName {bound.Host}
              Port {bound.HostPort}
              User {user}
              IdentityFile "{KeyFile}"
              IdentitiesOnly yes
              HostKeyAlias {name}.envd
              UserKnownHostsFile "{knownHosts}"
              StrictHostKeyChecking yes
              LogLevel ERROR

            """));
        IncludeInUserConfiguration();
    }

    /// <summary>Removes an environment's host entry.</summary>
    public static void Remove(string name) => File.Delete(FileOf(name));

    private static void IncludeInUserConfiguration()
    {
        var path = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".ssh", "config");
        // A configuration kept elsewhere by a link stays a link.
        var target = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var line = $"Include \"{Path.Combine(Folder, "config.d")}/*.conf\"";
        var text = File.Exists(target) ? File.ReadAllText(target) : "";
        if (text.Split('\n').Any(l => l.Trim() == line))
            return;
        try
        {
            // First, since an Include below a Host line belongs to that host alone.
            HostState.WritePrivate(target, $"{line}\n\n{text}".TrimEnd('\n') + "\n");
        }
        catch (EnvdException e)
        {
            throw new EnvdException(ErrorCodes.StateNotWritable, $"The ssh configuration '{path}' cannot be written.", $"Add this as its first line: {line}", inner: e);
        }
    }

    // RFC 5656, 3.1: the key's name, its curve, and the uncompressed point.
    private static string ToOpenSsh(ECDsa key)
    {
        var point = key.ExportParameters(false).Q;
        var blob = new MemoryStream();
        WriteString(blob, "ecdsa-sha2-nistp256"u8);
        WriteString(blob, "nistp256"u8);
        WriteString(blob, [4, .. point.X!, .. point.Y!]);
        return $"ecdsa-sha2-nistp256 {Convert.ToBase64String(blob.ToArray())} envd";
    }

    private static void WriteString(MemoryStream stream, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        stream.Write(length);
        stream.Write(bytes);
    }
}
