using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd ls`: the environments of an engine.</summary>
internal sealed class ListCommand : EnvdCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "One JSON array." };

    public ListCommand(IInteraction interaction)
        : base("ls", "List the environments of the engine.", interaction) => Options.Add(_json);

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var engine = EnvironmentName.Engine();
        using var docker = EngineConnection.OpenDocker(engine);
        var environments = await new EnvironmentManager(docker, engine).ListAsync(cancellationToken);
        if (parsed.GetValue(_json))
        {
            Interaction.Data(JsonSerializer.Serialize(environments, ListJson.Default.IReadOnlyListEnvironmentInfo));
            return ExitCodes.Success;
        }
        if (environments.Count == 0)
            Interaction.Say("No environments. `envd up` in a project's folder starts one.");
        var width = environments.Select(e => e.Name.Length).DefaultIfEmpty(0).Max();
        foreach (var environment in environments)
            Interaction.Data($"{environment.Name.PadRight(width)}  {environment.Status,-24}  {environment.Image}  {string.Join(", ", environment.Ports)}".TrimEnd());
        return ExitCodes.Success;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<EnvironmentInfo>))]
internal sealed partial class ListJson : JsonSerializerContext;
