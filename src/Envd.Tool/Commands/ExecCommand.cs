using System.CommandLine;
using System.Text.Json.Nodes;
using Envd.Core.Diagnostics;
using Envd.Core.Spec;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd exec`: a command in a running environment, on this process' own streams and with its own exit code.</summary>
internal sealed class ExecCommand : EnvdCommand
{
    private readonly Option<string?> _name = new("--name") { Description = "The environment. Default: that of the project in this folder.", HelpName = "name" };
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string?> _declared = new("--command") { Description = "Run the RuntimeCommand of this name; what follows -- is added to it.", HelpName = "name" };
    private readonly Argument<string[]> _command = new("command") { Description = "The program and its arguments, after --. Default: a shell.", Arity = ArgumentArity.ZeroOrMore };

    public ExecCommand(IInteraction interaction)
        : base("exec", "Run a command in an environment that is up.", interaction)
    {
        Options.Add(_name);
        Options.Add(_project);
        Options.Add(_declared);
        Arguments.Add(_command);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var name = EnvironmentName.Find(parsed.GetValue(_name), parsed.GetValue(_project));
        using var docker = EngineConnection.OpenDocker(EnvironmentName.Engine());
        var container = await docker.GetAsync($"containers/envd-{name}/json", cancellationToken);
        if (container?["State"]?["Running"]?.GetValue<bool>() != true || container["Config"]?["Labels"]?[ContainerLabels.Name] is null)
            throw new EnvdException(ErrorCodes.NotRunning, $"The environment '{name}' is not up.", "Start it by `envd up`, or name another by --name.");
        var given = parsed.GetValue(_command) ?? [];
        var directory = container["Config"]?["WorkingDir"]?.GetValue<string>() ?? "/";
        var command = given.Length > 0 ? given : [ContainerLabels.ShellOf(container), "-l"];
        if (parsed.GetValue(_declared) is { } declaredName)
        {
            var declared = Declared(container, name, declaredName);
            command = [.. declared.Command, .. given];
            directory = declared.WorkingDirectory.Length > 0 ? declared.WorkingDirectory : directory;
        }
        var user = ContainerLabels.UserOf(container);
        return await Shell.OpenAsync(docker, $"envd-{name}", command, user, directory, Interaction.IsInteractive, cancellationToken);
    }

    private static RuntimeCommandSpec Declared(JsonNode container, string environment, string name)
    {
        var labels = container["Config"]?["Labels"] as JsonObject ?? [];
        if (labels[ContainerLabels.Command + name]?.GetValue<string>() is { } text && CommandLabel.Read(text) is { } command)
            return command;
        var known = labels.Where(l => l.Key.StartsWith(ContainerLabels.Command, StringComparison.Ordinal)).Select(l => l.Key[ContainerLabels.Command.Length..]).ToList();
        throw new EnvdException(ErrorCodes.UnknownKind, $"The environment '{environment}' has no command '{name}'.",
            NearestName.Suggest(name, known) is { Length: > 0 } near ? near : known.Count > 0 ? $"It has {string.Join(", ", known)}." : "Declare it by a RuntimeCommand item.");
    }
}
