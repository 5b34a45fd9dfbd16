using System.CommandLine;
using Envd.Core.Diagnostics;
using Envd.Runtime.Locks;
using Envd.Tool.Interaction;
using Envd.Tool.Projects;
using Envd.Tool.Rendering;

namespace Envd.Tool.Commands;

/// <summary>`envd lock`: pins what a project declares loosely, in pylock.toml and envd.lock.json.</summary>
internal sealed class LockCommand : EnvdCommand
{
    private readonly Option<string?> _project = CommonOptions.Project();
    private readonly Option<string[]> _property = CommonOptions.Property();
    private readonly Option<ProgressStyle> _progress = CommonOptions.Progress();
    private readonly Option<string[]> _upgrade = new("--upgrade", "-u") { Description = "A package of Python or apt, an image, or a repository that may move to a newer version.", HelpName = "name" };
    private readonly Option<bool> _all = new("--upgrade-all") { Description = "Everything may move." };
    private readonly Option<bool> _relayout = new("--relayout") { Description = "Order the layers of large Python packages by size again." };
    private readonly Option<bool> _check = new("--check") { Description = "Write nothing; fail where the lock does not cover the project." };

    public LockCommand(IInteraction interaction)
        : base("lock", "Pin what the project declares loosely.", interaction)
    {
        foreach (var option in (Option[])[_project, _property, _progress, _upgrade, _all, _relayout, _check])
            Options.Add(option);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = ProjectLocator.Find(parsed.GetValue(_project));
        var project = await new ProjectEvaluator(Interaction).EvaluateAsync(file, [.. parsed.GetValue(_property) ?? [], .. parsed.GetValue(_check) ? ["EnvdLocked=true"] : Array.Empty<string>()], cancellationToken);
        project.ReadSpec();
        if (parsed.GetValue(_check))
            return ExitCodes.Success;
        var outcome = await ProjectLocker.LockAsync(Interaction, project, new LockOptions { Upgrade = parsed.GetValue(_upgrade) ?? [], UpgradeAll = parsed.GetValue(_all), Relayout = parsed.GetValue(_relayout) }, parsed.GetValue(_progress), cancellationToken);
        foreach (var name in (parsed.GetValue(_upgrade) ?? []).Where(n => !outcome.Locks.Any(l => Holds(l, n))))
            Interaction.Show(new Diagnostic(ErrorCodes.UnusedItem, $"Nothing that is locked is named '{name}'.", IsWarning: true));
        foreach (var change in outcome.Changes)
            Interaction.Data(change.ToString());
        Interaction.Say(outcome.Changes.Count == 0 ? "The lock is current." : $"Wrote {Path.GetFileName(outcome.Files.Python)} and {Path.GetFileName(outcome.Files.System)}.");
        return ExitCodes.Success;
    }

    private static bool Holds(Core.Locks.EnvironmentLock held, string name) =>
        held.Python?.Packages.Any(p => p.Name == Core.Spec.Names.NormalizePython(name)) is true || held.Apt.Any(g => g.Debs.Any(d => d.Name == name))
        || held.Images.Any(i => i.Reference == name) || held.Git.Any(g => g.Remote == name) || held.Downloads.Any(d => d.Url == name);
}
