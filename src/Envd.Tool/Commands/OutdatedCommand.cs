using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.Core.Diagnostics;
using Envd.Core.Locks;
using Envd.Runtime.Images;
using Envd.Runtime.Locks;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>`envd outdated`: what `envd lock --upgrade-all` would change.</summary>
internal sealed class OutdatedCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();
    private readonly Option<bool> _json = new("--json") { Description = "One JSON array on standard output." };

    public OutdatedCommand(IInteraction interaction)
        : base("outdated", "Show what is locked and has a newer version.", interaction)
    {
        Options.Add(_project);
        Options.Add(_property);
        Options.Add(_json);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await new ProjectEvaluator(Interaction).EvaluateAsync(file, parsed.GetValue(_property) ?? [], cancellationToken);
        project.ReadSpec();
        if (!LockFiles.Of(project.File, project.ReadRun().Variant).Exist)
            throw new EnvdException(ErrorCodes.LockStale, $"{Path.GetFileName(file)} has no lock.", "Run `envd lock` first.");
        LockOutcome outcome;
        using (var reporter = new BuildReporter(Interaction, ProgressStyle.Quiet))
            outcome = await new EnvironmentLocker(reporter).ResolveAsync(new BuildRequest(project.State, project.File, project.ContextDirectory, project.Engine, Verify: false), new LockOptions { UpgradeAll = true }, cancellationToken);
        var moved = outcome.Changes.Where(c => c.Before is not null && c.After is not null).ToList();
        if (parsed.GetValue(_json))
            Interaction.Data(JsonSerializer.Serialize(moved.Select(c => new OutdatedPackage(c.Kind, c.Name, c.Before!, c.After!)).ToList(), OutdatedJson.Default.ListOutdatedPackage));
        else
            foreach (var change in moved)
                Interaction.Data($"{change.Kind,-8} {change.Name,-32} {change.Before} → {change.After}");
        Interaction.Say(moved.Count == 0 ? "Everything is as new as it can be." : $"{moved.Count} could be newer; `envd lock --upgrade NAME` or `--upgrade-all` takes them.");
        return ExitCodes.Success;
    }
}

/// <summary>A line of `envd outdated --json`.</summary>
internal sealed record OutdatedPackage(string Kind, string Name, string Locked, string Available);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<OutdatedPackage>))]
internal sealed partial class OutdatedJson : JsonSerializerContext;
