using System.CommandLine;
using System.Globalization;
using Envd.Core.Diagnostics;
using Envd.Core.StateFiles;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;

namespace Envd.Tool.Commands;

/// <summary>`envd explain`: what the last build ran, and which item, file or digest was the reason.</summary>
internal sealed class ExplainCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();

    public ExplainCommand(IInteraction interaction)
        : base("explain", "Say why the steps of the last build ran.", interaction)
    {
        Options.Add(_project);
        Options.Add(_property);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await new ProjectEvaluator(Interaction).EvaluateAsync(file, parsed.GetValue(_property) ?? [], cancellationToken);
        var report = BuildReport.Read(project.State.Build(project.Engine.Key))
            ?? throw new EnvdException(ErrorCodes.NotRunning, $"{Path.GetFileName(file)} was not built on the engine at {project.Engine.Address}.", "Run `envd build`.");
        var ran = report.Steps.Where(s => !s.Cached && s.Reason is not null).ToList();
        foreach (var step in ran)
            Interaction.Data(string.Create(CultureInfo.InvariantCulture, $"{step.Title} ({step.Seconds:0.0} s): {step.Reason}"));
        Interaction.Say($"{ran.Count} of {report.Steps.Count} steps ran.");
        return ExitCodes.Success;
    }
}
