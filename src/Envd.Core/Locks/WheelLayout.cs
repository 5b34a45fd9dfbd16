using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Envd.Core.Locks;

/// <summary>Wheels that are one layer.</summary>
/// <param name="Name">Stable over edits.</param>
/// <param name="Packages">By name.</param>
public sealed record WheelBucket(string Name, IReadOnlyList<LockedPackage> Packages);

/// <summary>
/// Which wheels share a layer, and in which order the layers lie. An engine unpacks an image by its chain of layers, so a change costs the bytes at and above
/// its bucket: what is large lies below, each alone, and small things that change often above.
/// </summary>
public static class WheelLayout
{
    /// <summary>A distribution of this many bytes, unpacked, has a layer of its own.</summary>
    public const long LargeSize = 8 << 20;

    /// <summary>Of all buckets together; the base, apt and the rest of an image have some layers, too.</summary>
    public const int MaximumBuckets = 36;

    private const int SmallBuckets = 6;

    private const int LargeBuckets = MaximumBuckets - (2 * SmallBuckets) - LocalBuckets - SharedLargeBuckets;

    private const int LocalBuckets = 4;

    private const int SharedLargeBuckets = 2;

    /// <summary>The order of the large ones: those known before keep their places, new ones lie upon them.</summary>
    public static IReadOnlyList<string> OrderLarge(IEnumerable<LockedPackage> packages, IReadOnlyList<string> before)
    {
        var large = packages.Where(IsLarge).OrderByDescending(p => p.InstalledSize).ThenBy(p => p.Name, StringComparer.Ordinal).Select(p => p.Name).ToList();
        return [.. before.Where(large.Contains), .. large.Where(n => !before.Contains(n))];
    }

    /// <summary>The buckets, bottom first.</summary>
    /// <param name="packages">Of the environment.</param>
    /// <param name="order">The recorded order of the large ones.</param>
    public static IReadOnlyList<WheelBucket> Arrange(IReadOnlyList<LockedPackage> packages, IReadOnlyList<string> order)
    {
        var buckets = new List<WheelBucket>();
        var byName = packages.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var large = order.Where(n => byName.TryGetValue(n, out var p) && IsLarge(p)).Concat(OrderLarge(packages, order)).Distinct(StringComparer.Ordinal).ToList();
        foreach (var name in large.Take(LargeBuckets))
            buckets.Add(new WheelBucket(name, [byName[name]]));
        AddHashed(buckets, "large", SharedLargeBuckets, large.Skip(LargeBuckets).Select(n => byName[n]));
        var small = packages.Where(p => !IsLarge(p) && !IsLocal(p)).ToList();
        AddHashed(buckets, "dependencies", SmallBuckets, small.Where(p => !p.Requested));
        AddHashed(buckets, "requested", SmallBuckets, small.Where(p => p.Requested));
        AddHashed(buckets, "local", LocalBuckets, packages.Where(p => IsLocal(p) && !IsLarge(p)));
        return buckets;
    }

    private static void AddHashed(List<WheelBucket> buckets, string name, int count, IEnumerable<LockedPackage> packages)
    {
        foreach (var group in packages.GroupBy(p => Rendezvous(p.Name, count)).OrderBy(g => g.Key))
            buckets.Add(new WheelBucket(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}-{group.Key + 1}"), [.. group.OrderBy(p => p.Name, StringComparer.Ordinal)]));
    }

    /// <summary>The bucket with the highest hash of name and number: it depends on nothing else that is installed.</summary>
    private static int Rendezvous(string name, int count) =>
        Enumerable.Range(0, count).MaxBy(i => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{i} {name}"))));

    private static bool IsLarge(LockedPackage package) => package.InstalledSize >= LargeSize;

    // What is built from a repository or lies in the project changes more often than what is published.
    private static bool IsLocal(LockedPackage package) => package.Kind == "vcs" || (package.Path.Length > 0 && package.Folder.Length == 0);
}
