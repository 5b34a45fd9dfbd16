using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.StateFiles;

/// <summary>The image that one engine holds: image-KEY.json, the output of the image target.</summary>
public sealed record ImageRecord
{
    /// <summary>The engine's address.</summary>
    public required string Engine { get; init; }

    /// <summary>The engine's own id: another id at the same address is another engine.</summary>
    public required string EngineId { get; init; }

    /// <summary><c>containerd</c>, <c>graphdriver</c> or <c>none</c>.</summary>
    public required string ImageStore { get; init; }

    /// <summary><c>merge</c> or <c>linear</c>.</summary>
    public required string Plan { get; init; }

    /// <summary>Such as <c>linux/amd64</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>The image's name and tag.</summary>
    public required string Reference { get; init; }

    /// <summary>Of the platform's manifest where the engine keeps manifests, else of the configuration: what docker calls its id.</summary>
    public required string Digest { get; init; }

    /// <summary>Of the image's configuration.</summary>
    public string ConfigDigest { get; init; } = "";

    /// <summary>Of the base image; empty where the engine tells none.</summary>
    public string BaseDigest { get; init; } = "";

    /// <summary>Of env.spec.json.</summary>
    public required string SpecDigest { get; init; }

    /// <summary>Of inputs.json.</summary>
    public required string InputsDigest { get; init; }

    /// <summary>Whether it is of just these files.</summary>
    public bool IsOf(StateFolder state) => SpecDigest == DigestOf(state.Spec) && InputsDigest == DigestOf(state.Inputs);

    /// <summary>The digest of a file's bytes; empty where there is none.</summary>
    public static string DigestOf(string path) =>
        AtomicFile.ReadOrNull(path) is { } bytes ? "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes)) : "";

    /// <summary>Reads a record; null where there is none, or half of one.</summary>
    public static ImageRecord? Read(string path)
    {
        try
        {
            return AtomicFile.ReadOrNull(path) is { } bytes ? JsonSerializer.Deserialize(bytes, StateJson.Default.ImageRecord) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the record.</summary>
    public void Write(string path) => AtomicFile.Write(path, [.. JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Default.ImageRecord), (byte)'\n']);
}

/// <summary>A place as the state files keep it.</summary>
/// <param name="Origin">The item, such as <c>Step:compile</c>.</param>
/// <param name="File">Relative to the project.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public sealed record RecordedPosition(string Origin, string File, int Line, int Column);

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImageRecord))]
[JsonSerializable(typeof(BuildReport))]
[JsonSerializable(typeof(Dictionary<string, RecordedPosition>))]
internal sealed partial class StateJson : JsonSerializerContext;
