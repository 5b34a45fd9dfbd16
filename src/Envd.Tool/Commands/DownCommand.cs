using System.CommandLine;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd down`: stops and removes an environment.</summary>
internal sealed class DownCommand : EnvdCommand
{
    private readonly Argument<string?> _name = new("name") { Description = "The environment. Default: that of the project in this folder.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<bool> _volumes = new("--volumes") { Description = "Also delete the home volume, with all that lies in it." };

    public DownCommand(IInteraction interaction)
        : base("down", "Stop and remove an environment. Its image and its home volume stay.", interaction)
    {
        Arguments.Add(_name);
        Options.Add(_project);
        Options.Add(_volumes);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var name = EnvironmentName.Find(parsed.GetValue(_name), parsed.GetValue(_project));
        var engine = EnvironmentName.Engine();
        using var docker = EngineConnection.OpenDocker(engine);
        var was = await new EnvironmentManager(docker, engine).DownAsync(name, parsed.GetValue(_volumes), cancellationToken);
        Interaction.Say(!was ? $"{name} was not up." : parsed.GetValue(_volumes) ? $"{name} is down, its home volume deleted." : $"{name} is down; its home volume stays (--volumes deletes it).");
        return ExitCodes.Success;
    }
}
