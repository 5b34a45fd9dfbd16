using System.CommandLine;
using Envd.Runtime.Images;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>`envd bundle`: all that a locked build fetches, as one OCI layout that `envd build --from-bundle` uses without a network.</summary>
internal sealed class BundleCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();
    private readonly Option<ProgressStyle> _progress = CommonOptions.Progress();
    private readonly Argument<string> _folder = new("folder") { Description = "The folder of the OCI layout; one that is there is brought up to date." };

    public BundleCommand(IInteraction interaction)
        : base("bundle", "Gather all that a locked build fetches.", interaction)
    {
        Arguments.Add(_folder);
        Options.Add(_project);
        Options.Add(_property);
        Options.Add(_progress);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await ProjectLocker.EvaluateAsync(Interaction, file, parsed.GetValue(_property) ?? [], parsed.GetValue(_progress), cancellationToken);
        project.ReadSpec();
        var folder = Path.GetFullPath(parsed.GetValue(_folder)!);
        IReadOnlyList<string> online;
        using (var reporter = new BuildReporter(Interaction, parsed.GetValue(_progress)))
            online = await new EnvironmentBundler(reporter).WriteAsync(new BuildRequest(project.State, project.File, project.ContextDirectory, project.Engine, Verify: false), folder, cancellationToken);
        foreach (var title in online)
            Interaction.Say($"not in the bundle: '{title}' uses the network");
        Interaction.Data(folder);
        return ExitCodes.Success;
    }
}
