using System.Text.Json.Serialization;

namespace Envd.Llb;

[JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class LlbJson : JsonSerializerContext;
