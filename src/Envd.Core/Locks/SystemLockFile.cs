using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Locks;

/// <summary>Writes and reads envd.lock.json: all that is locked but Python's packages.</summary>
public sealed record SystemLockFile
{
    /// <summary>What this version writes, and the newest that it reads.</summary>
    public const int CurrentVersion = 1;

    private static readonly LockJson Readable = new(new JsonSerializerOptions(LockJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>See <see cref="CurrentVersion"/>.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>By platform.</summary>
    public IReadOnlyList<EnvironmentLock> Platforms { get; init; } = [];

    /// <summary>The bytes for locks of several platforms.</summary>
    public static byte[] Write(IReadOnlyList<EnvironmentLock> locks) =>
        [.. JsonSerializer.SerializeToUtf8Bytes(new SystemLockFile { Platforms = [.. locks.Select(l => l with { Python = null }).OrderBy(l => l.Platform, StringComparer.Ordinal)] }, Readable.SystemLockFile), (byte)'\n'];

    /// <summary>Reads the bytes.</summary>
    /// <exception cref="LockFormatException">They are none that this version can use.</exception>
    public static IReadOnlyList<EnvironmentLock> Read(ReadOnlySpan<byte> bytes)
    {
        SystemLockFile? file;
        try
        {
            file = JsonSerializer.Deserialize(bytes, LockJson.Default.SystemLockFile);
        }
        catch (JsonException e)
        {
            throw new LockFormatException("it is not what `envd lock` writes", (int)(e.LineNumber ?? 0) + 1, e);
        }
        if (file is null || file.Version < 1)
            throw new LockFormatException("it has no version");
        if (file.Version > CurrentVersion)
            throw new LockFormatException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"it is of version {file.Version}, and this version of Envd reads {CurrentVersion}"), IsNewer: true);
        // Lists that a document leaves out come as null, whatever their initialisers say.
        var locks = (file.Platforms ?? []).Select(l => l with { Images = l.Images ?? [], Apt = l.Apt ?? [], Git = l.Git ?? [], Downloads = l.Downloads ?? [] }).ToList();
        foreach (var deb in locks.SelectMany(l => l.Apt).SelectMany(g => g.Debs))
            if (!Spec.Names.IsAptPackage(deb.Name) || !Spec.Names.IsAptVersion(deb.Version) || deb.Sha256.Length != 64 || !deb.Sha256.All(char.IsAsciiHexDigitLower) || !Uri.TryCreate(deb.Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                throw new LockFormatException($"the package {deb.Name} has no version, address or SHA-256, or one that is none");
        foreach (var digest in locks.SelectMany(l => l.Images.Select(i => i.Digest).Concat(l.Downloads.Select(d => d.Checksum))))
            if (digest.Length != 71 || !digest.StartsWith("sha256:", StringComparison.Ordinal) || !digest.AsSpan(7).ToString().All(char.IsAsciiHexDigitLower))
                throw new LockFormatException($"'{digest}' is no digest");
        foreach (var commit in locks.SelectMany(l => l.Git).Select(g => g.Commit))
            if (commit.Length != 40 || !commit.All(char.IsAsciiHexDigitLower))
                throw new LockFormatException($"'{commit}' is no commit");
        return locks;
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(SystemLockFile))]
internal sealed partial class LockJson : JsonSerializerContext;
