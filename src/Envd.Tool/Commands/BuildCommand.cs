using System.CommandLine;
using Envd.Core.StateFiles;
using Envd.Runtime.Images;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>`envd build`: the image of a project, and the question to the engine whether it is still there.</summary>
internal sealed class BuildCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();
    private readonly Option<ProgressStyle> _progress = CommonOptions.Progress();
    private readonly Option<string?> _bundle = new("--from-bundle") { Description = "Takes everything from the folder that `envd bundle` has made, and nothing from a network.", HelpName = "folder" };

    public BuildCommand(IInteraction interaction)
        : base("build", "Build the image of an environment.", interaction)
    {
        Options.Add(_project);
        Options.Add(_property);
        Options.Add(_progress);
        Options.Add(_bundle);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await ProjectLocker.EvaluateAsync(Interaction, file, [.. parsed.GetValue(_property) ?? [], .. parsed.GetValue(_bundle) is { } bundle ? ["EnvdFromBundle=" + Path.GetFullPath(bundle)] : Array.Empty<string>()], parsed.GetValue(_progress), cancellationToken);
        project.ReadSpec();
        ImageRecord image;
        using (var reporter = new BuildReporter(Interaction, parsed.GetValue(_progress)))
            image = await new ImageBuilder(reporter).BuildAsync(new BuildRequest(project.State, project.File, project.ContextDirectory, project.Engine, Verify: true), cancellationToken);
        if (parsed.GetValue(_progress) != ProgressStyle.Json)
            Interaction.Data($"{image.Reference}@{image.Digest}");
        return ExitCodes.Success;
    }
}
