using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Envd.BuildKit.Content;

/// <summary>
/// A folder of blobs by digest with an index of what they are (OCI image layout 1.0): what <c>docker save</c>, skopeo and crane write, and what a
/// local cache is. Blobs are written under a temporary name and moved when their digest is right.
/// </summary>
public sealed class OciLayout
{
    private const string RefName = "org.opencontainers.image.ref.name";

    private readonly string _blobs;
    private readonly string _index;

    /// <summary>Names a layout; the folder need not be there yet.</summary>
    /// <param name="folder">Absolute.</param>
    public OciLayout(string folder)
    {
        Folder = folder;
        _blobs = Path.Combine(folder, "blobs", "sha256");
        _index = Path.Combine(folder, "index.json");
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The digest of what the index names by a tag, or of its last entry where no tag is asked for; null where there is none.</summary>
    /// <exception cref="FormatException">index.json is none.</exception>
    public string? Find(string? tag = null)
    {
        if (ReadIndex()?["manifests"] is not JsonArray manifests)
            return null;
        var found = manifests.LastOrDefault(m => tag is null || m?["annotations"]?[RefName]?.GetValue<string>() == tag);
        return found?["digest"]?.GetValue<string>();
    }

    /// <summary>The file of a blob; null where the layout has none.</summary>
    public string? FindBlob(string digest) => IsDigest(digest) && Path.Combine(_blobs, digest["sha256:".Length..]) is var path && File.Exists(path) ? path : null;

    /// <summary>Adds a descriptor to the index; what had its tag before loses it.</summary>
    /// <param name="descriptor">An OCI descriptor as JSON.</param>
    /// <param name="tag">Its name in the index; null for the one entry without.</param>
    public void Add(string descriptor, string? tag)
    {
        Directory.CreateDirectory(Folder);
        WriteWhole(Path.Combine(Folder, "oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
        var entry = JsonNode.Parse(descriptor)!.AsObject();
        if (tag is not null)
        {
            var annotations = entry["annotations"] as JsonObject ?? [];
            entry["annotations"] = null;
            annotations[RefName] = tag;
            entry["annotations"] = annotations;
        }
        var kept = new JsonArray();
        foreach (var old in ReadIndex()?["manifests"] as JsonArray ?? [])
            if (old?["annotations"]?[RefName]?.GetValue<string>() != tag)
                kept.Add(old?.DeepClone());
        kept.Add(entry);
        WriteWhole(_index, new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = "application/vnd.oci.image.index.v1+json", ["manifests"] = kept }.ToJsonString());
    }

    /// <summary>A place to write a blob to.</summary>
    internal BlobWriter Open(string expected, long total)
    {
        Directory.CreateDirectory(_blobs);
        return new BlobWriter(_blobs, expected, total);
    }

    private JsonNode? ReadIndex()
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(_index));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new FormatException($"{_index} is no OCI index: {e.Message}", e);
        }
    }

    private static void WriteWhole(string path, string text)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllText(temporary, text, new UTF8Encoding(false));
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static bool IsDigest(string digest) =>
        digest.Length == 71 && digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.AsSpan(7).IndexOfAnyExcept("0123456789abcdef") < 0;

    /// <summary>One blob that is being written.</summary>
    internal sealed class BlobWriter : IDisposable
    {
        private readonly string _folder;
        private readonly string _expected;
        private readonly string _temporary;
        private readonly FileStream _file;
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public BlobWriter(string folder, string expected, long total)
        {
            _folder = folder;
            _expected = expected;
            Total = total;
            _temporary = Path.Combine(folder, $".ingest-{Guid.NewGuid():N}");
            _file = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        }

        public long Total { get; }

        public long Offset { get; private set; }

        public async Task WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            await _file.WriteAsync(data, cancellationToken);
            _hash.AppendData(data.Span);
            Offset += data.Length;
        }

        /// <summary>Moves the blob to where its digest says.</summary>
        /// <exception cref="FormatException">The digest or the size is another than was announced.</exception>
        public string Commit(long total, string expected)
        {
            _file.Dispose();
            var digest = "sha256:" + Convert.ToHexStringLower(_hash.GetHashAndReset());
            if (expected.Length == 0)
                expected = _expected;
            if (total == 0)
                total = Total;
            if (total > 0 && total != Offset)
                throw new FormatException($"the blob has {Offset} bytes instead of {total}");
            if (expected.Length > 0 && expected != digest)
                throw new FormatException($"the blob's digest is {digest} instead of {expected}");
            File.Move(_temporary, Path.Combine(_folder, digest["sha256:".Length..]), overwrite: true);
            return digest;
        }

        public void Dispose()
        {
            _file.Dispose();
            _hash.Dispose();
            File.Delete(_temporary);
        }
    }
}
