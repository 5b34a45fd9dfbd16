using Envd.Runtime.Images;
using Envd.Runtime.Locks;
using Envd.Tool.Interaction;
using Envd.Tool.Rendering;

namespace Envd.Tool.Projects;

/// <summary>Keeps the lock of a project current.</summary>
internal static class ProjectLocker
{
    /// <summary>Resolves, writes, and says what differs.</summary>
    public static async Task<LockOutcome> LockAsync(IInteraction interaction, EvaluatedProject project, LockOptions options, ProgressStyle progress, CancellationToken cancellationToken)
    {
        LockOutcome outcome;
        using (var reporter = new BuildReporter(interaction, progress))
            outcome = await new EnvironmentLocker(reporter).ResolveAsync(new BuildRequest(project.State, project.File, project.ContextDirectory, project.Engine, Verify: false), options, cancellationToken);
        outcome.Files.Write(outcome.Locks);
        foreach (var warning in outcome.Warnings)
            interaction.Show(warning);
        return outcome;
    }

    /// <summary>Evaluates a project; one that has a lock which does not cover it gets it brought up to date.</summary>
    public static async Task<EvaluatedProject> EvaluateAsync(IInteraction interaction, string file, IReadOnlyList<string> properties, ProgressStyle progress, CancellationToken cancellationToken)
    {
        var evaluator = new ProjectEvaluator(interaction);
        var project = await evaluator.EvaluateAsync(file, properties, cancellationToken);
        if (!File.Exists(project.State.LockChanges))
            return project;
        project.ReadSpec();
        foreach (var change in (await LockAsync(interaction, project, new LockOptions(), progress, cancellationToken)).Changes)
            interaction.Say(change.ToString());
        return await evaluator.EvaluateAsync(file, properties, cancellationToken);
    }
}
