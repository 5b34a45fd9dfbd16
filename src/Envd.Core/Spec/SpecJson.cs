using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>The text form of specs: two spaces, LF, members in declared order; false, 0 and null are left out.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(EnvironmentSpec))]
[JsonSerializable(typeof(RunSpec))]
internal sealed partial class SpecJson : JsonSerializerContext;

/// <summary>Writes and reads env.spec.json and env.run.json.</summary>
public static class SpecFile
{
    // Names of people and files stay readable; the files are never embedded in HTML.
    private static readonly SpecJson Readable = new(new JsonSerializerOptions(SpecJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The bytes of env.spec.json.</summary>
    public static byte[] ToBytes(EnvironmentSpec spec) => [.. JsonSerializer.SerializeToUtf8Bytes(spec, Readable.EnvironmentSpec), (byte)'\n'];

    /// <summary>The bytes of env.run.json.</summary>
    public static byte[] ToBytes(RunSpec run) => [.. JsonSerializer.SerializeToUtf8Bytes(run, Readable.RunSpec), (byte)'\n'];

    /// <summary>Reads env.spec.json.</summary>
    /// <exception cref="JsonException">It is no spec.</exception>
    public static EnvironmentSpec ReadEnvironment(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, SpecJson.Default.EnvironmentSpec) ?? throw new JsonException("an empty spec");

    /// <summary>Reads env.run.json.</summary>
    /// <exception cref="JsonException">It is no run spec.</exception>
    public static RunSpec ReadRun(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, SpecJson.Default.RunSpec) ?? throw new JsonException("an empty run spec");
}
