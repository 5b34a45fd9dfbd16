using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>The form in which an image carries a <see cref="RuntimeCommandSpec"/>: JSON in a label, so that a container can be asked without its project.</summary>
public static class CommandLabel
{
    private static readonly CommandJson Readable = new(new JsonSerializerOptions(CommandJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The label's value.</summary>
    public static string Write(RuntimeCommandSpec command) => JsonSerializer.Serialize(command, Readable.RuntimeCommandSpec);

    /// <summary>Reads a label's value; null where it is none.</summary>
    public static RuntimeCommandSpec? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, CommandJson.Default.RuntimeCommandSpec);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RuntimeCommandSpec))]
internal sealed partial class CommandJson : JsonSerializerContext;
