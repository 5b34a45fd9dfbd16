using System.CommandLine;
using Envd.Core.Diagnostics;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd exec`: a command in a running environment, on this process' own streams and with its own exit code.</summary>
internal sealed class ExecCommand : EnvdCommand
{
    private readonly Option<string?> _name = new("--name") { Description = "The environment. Default: that of the project in this folder.", HelpName = "name" };
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Argument<string[]> _command = new("command") { Description = "The program and its arguments, after --. Default: a shell.", Arity = ArgumentArity.ZeroOrMore };

    public ExecCommand(IInteraction interaction)
        : base("exec", "Run a command in an environment that is up.", interaction)
    {
        Options.Add(_name);
        Options.Add(_project);
        Arguments.Add(_command);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var name = EnvironmentName.Find(parsed.GetValue(_name), parsed.GetValue(_project));
        using var docker = EngineConnection.OpenDocker(EnvironmentName.Engine());
        var container = await docker.GetAsync($"containers/envd-{name}/json", cancellationToken);
        if (container?["State"]?["Running"]?.GetValue<bool>() != true || container["Config"]?["Labels"]?[ContainerLabels.Name] is null)
            throw new EnvdException(ErrorCodes.NotRunning, $"The environment '{name}' is not up.", "Start it by `envd up`, or name another by --name.");
        var command = parsed.GetValue(_command) is { Length: > 0 } given ? given : ["/bin/bash", "-l"];
        var user = ContainerLabels.UserOf(container);
        return await Shell.OpenAsync(docker, $"envd-{name}", command, user, container["Config"]?["WorkingDir"]?.GetValue<string>() ?? "/", Interaction.IsInteractive, cancellationToken);
    }
}
