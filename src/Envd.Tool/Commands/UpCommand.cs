using System.CommandLine;
using Envd.Core.StateFiles;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;
using Envd.Runtime.Images;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>`envd up`: the environment of a project, built if need be, running and ready.</summary>
internal sealed class UpCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();
    private readonly Option<ProgressStyle> _progress = CommonOptions.Progress();
    private readonly Option<bool> _detach = new("--detach", "-d") { Description = "Return when the environment is ready, instead of opening a shell in it." };

    public UpCommand(IInteraction interaction)
        : base("up", "Build an environment if need be, start it, and open a shell in it.", interaction)
    {
        Options.Add(_project);
        Options.Add(_property);
        Options.Add(_progress);
        Options.Add(_detach);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await ProjectLocker.EvaluateAsync(Interaction, file, parsed.GetValue(_property) ?? [], parsed.GetValue(_progress), cancellationToken);
        var environment = new EnvironmentToRun(project.ReadSpec(), project.ReadRun(), ImageRecord.DigestOf(project.State.Run), project.File);
        using var docker = EngineConnection.OpenDocker(project.Engine);
        var manager = new EnvironmentManager(docker, project.Engine);
        var image = ImageRecord.Read(project.State.Image(project.Engine.Key));
        var addresses = image is not null && image.IsOf(project.State) ? await manager.FindCurrentAsync(environment, image, cancellationToken) : null;
        if (addresses is null)
        {
            using (var reporter = new BuildReporter(Interaction, parsed.GetValue(_progress)))
                image = await new ImageBuilder(reporter).BuildAsync(new BuildRequest(project.State, project.File, project.ContextDirectory, project.Engine, Verify: true), cancellationToken);
            addresses = await manager.StartAsync(environment, image, Interaction.Say, cancellationToken);
        }
        Interaction.Say($"{environment.Run.Name} is up. `envd down` in this folder takes it down.");
        foreach (var address in addresses)
            Interaction.Data($"{address.Name,-12} {address.Address}");
        return parsed.GetValue(_detach) || !Interaction.IsInteractive ? ExitCodes.Success
            : await Shell.OpenAsync(docker, environment.Run.ContainerName, [environment.Spec.Shell == "bash" ? "/bin/bash" : "/usr/bin/" + environment.Spec.Shell, "-l"], environment.Spec.User, environment.Spec.WorkingDirectory, terminal: true, cancellationToken);
    }
}
