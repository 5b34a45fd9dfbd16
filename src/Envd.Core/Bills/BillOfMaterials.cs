using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.Core.Spec;

namespace Envd.Core.Bills;

/// <summary>
/// What is in an image, as SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/): the packages that dpkg knows, and Python's as the lock has them. The same
/// image gives the same bytes.
/// </summary>
public static class BillOfMaterials
{
    private static readonly SpdxJson Readable = new(new JsonSerializerOptions(SpdxJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The document.</summary>
    /// <param name="spec">With its lock.</param>
    /// <param name="digest">The image's; empty where the document is a part of it.</param>
    /// <param name="dpkgStatus">/var/lib/dpkg/status of the image; empty where it has none.</param>
    public static byte[] Write(EnvironmentSpec spec, string digest, string dpkgStatus)
    {
        var urls = (spec.Lock?.Apt ?? []).SelectMany(g => g.Debs).DistinctBy(d => d.Name).ToDictionary(d => d.Name, StringComparer.Ordinal);
        var packages = new List<SpdxPackage>();
        foreach (var (name, version, architecture, source) in Installed(dpkgStatus))
        {
            var deb = urls.TryGetValue(name, out var held) && held.Version == version ? held : null;
            packages.Add(new SpdxPackage(Id("deb", name), name, version, deb?.Url ?? "NOASSERTION", deb is null ? null : [new SpdxChecksum("SHA256", deb.Sha256)],
                [new SpdxReference("PACKAGE-MANAGER", "purl", $"pkg:deb/{Distribution(spec)}/{Escape(name)}@{Escape(version)}?arch={architecture}")], source.Length > 0 ? "built from " + source : null));
        }
        foreach (var package in spec.Lock?.Python?.Packages ?? [])
            packages.Add(new SpdxPackage(Id("pypi", package.Name), package.Name, package.Version,
                package.Kind == "vcs" ? $"git+{package.Url}@{package.Commit}" : package.Url.Length > 0 ? package.Url : "NOASSERTION",
                package.Sha256.Length > 0 ? [new SpdxChecksum("SHA256", package.Sha256)] : null,
                [new SpdxReference("PACKAGE-MANAGER", "purl", $"pkg:pypi/{Escape(package.Name)}@{Escape(package.Version)}")], null));
        packages = [.. packages.DistinctBy(p => p.SpdxId).OrderBy(p => p.SpdxId, StringComparer.Ordinal)];
        var root = new SpdxPackage("SPDXRef-image", spec.Image, digest.Length > 0 ? digest : null, "NOASSERTION", null,
            [new SpdxReference("PACKAGE-MANAGER", "purl", $"pkg:oci/{Escape(spec.Name)}{(digest.Length > 0 ? "@" + Escape(digest) : "")}")], null);
        var document = new SpdxDocument("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT", spec.Image, "",
            // No clock: the document is a function of the image.
            new SpdxCreation("1980-01-01T00:00:00Z", ["Tool: envd"]), [root, .. packages],
            [new SpdxRelationship("SPDXRef-DOCUMENT", "DESCRIBES", root.SpdxId), .. packages.Select(p => new SpdxRelationship(root.SpdxId, "CONTAINS", p.SpdxId))]);
        var content = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(document, Readable.SpdxDocument)));
        return [.. JsonSerializer.SerializeToUtf8Bytes(document with { DocumentNamespace = $"urn:envd:{spec.Name}:{content}" }, Readable.SpdxDocument), (byte)'\n'];
    }

    /// <summary>Packages of dpkg's status file that are installed.</summary>
    private static IEnumerable<(string Name, string Version, string Architecture, string Source)> Installed(string status)
    {
        foreach (var paragraph in status.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var line in paragraph.Split('\n'))
                if (line.Length > 0 && line[0] != ' ' && line.IndexOf(':', StringComparison.Ordinal) is > 0 and var cut)
                    fields.TryAdd(line[..cut], line[(cut + 1)..].Trim());
            if (fields.TryGetValue("Package", out var name) && fields.TryGetValue("Version", out var version) && fields.GetValueOrDefault("Status", "").EndsWith(" installed", StringComparison.Ordinal))
                yield return (name, version, fields.GetValueOrDefault("Architecture", ""), fields.GetValueOrDefault("Source", ""));
        }
    }

    private static string Distribution(EnvironmentSpec spec) => spec.BaseImage.Contains("ubuntu", StringComparison.OrdinalIgnoreCase) ? "ubuntu" : "debian";

    private static string Id(string kind, string name) => $"SPDXRef-{kind}-{string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c.ToString() : "-" + (int)c))}";

    private static string Escape(string text) => Uri.EscapeDataString(text);
}

/// <summary>A document of SPDX.</summary>
internal sealed record SpdxDocument(
    [property: JsonPropertyName("spdxVersion")] string SpdxVersion,
    [property: JsonPropertyName("dataLicense")] string DataLicense,
    [property: JsonPropertyName("SPDXID")] string SpdxId,
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("documentNamespace")] string DocumentNamespace,
    [property: JsonPropertyName("creationInfo")] SpdxCreation CreationInfo,
    [property: JsonPropertyName("packages")] IReadOnlyList<SpdxPackage> Packages,
    [property: JsonPropertyName("relationships")] IReadOnlyList<SpdxRelationship> Relationships);

/// <summary>Who made it, and when.</summary>
internal sealed record SpdxCreation([property: JsonPropertyName("created")] string Created, [property: JsonPropertyName("creators")] IReadOnlyList<string> Creators);

/// <summary>A package.</summary>
internal sealed record SpdxPackage(
    [property: JsonPropertyName("SPDXID")] string SpdxId,
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("versionInfo")] string? VersionInfo,
    [property: JsonPropertyName("downloadLocation")] string DownloadLocation,
    [property: JsonPropertyName("checksums")] IReadOnlyList<SpdxChecksum>? Checksums,
    [property: JsonPropertyName("externalRefs")] IReadOnlyList<SpdxReference> ExternalRefs,
    [property: JsonPropertyName("sourceInfo")] string? SourceInfo)
{
    [JsonPropertyName("filesAnalyzed")]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public bool FilesAnalyzed => false;
}

/// <summary>A digest.</summary>
internal sealed record SpdxChecksum([property: JsonPropertyName("algorithm")] string Algorithm, [property: JsonPropertyName("checksumValue")] string ChecksumValue);

/// <summary>A package's name elsewhere.</summary>
internal sealed record SpdxReference(
    [property: JsonPropertyName("referenceCategory")] string ReferenceCategory,
    [property: JsonPropertyName("referenceType")] string ReferenceType,
    [property: JsonPropertyName("referenceLocator")] string ReferenceLocator);

/// <summary>How two elements belong together.</summary>
internal sealed record SpdxRelationship(
    [property: JsonPropertyName("spdxElementId")] string SpdxElementId,
    [property: JsonPropertyName("relationshipType")] string RelationshipType,
    [property: JsonPropertyName("relatedSpdxElement")] string RelatedSpdxElement);

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SpdxDocument))]
internal sealed partial class SpdxJson : JsonSerializerContext;
