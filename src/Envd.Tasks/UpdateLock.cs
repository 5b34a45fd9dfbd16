using Envd.Core.Diagnostics;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Makes the lock cover the project, and composes it again from what ComposeEnvironment has read in this build.</summary>
public sealed class UpdateLock : WorkerTask
{
    /// <summary>Names of what may move, with ';' between them; <c>*</c> is everything.</summary>
    public string[] Upgrade { get; set; } = [];

    /// <summary>Orders large Python packages by size again.</summary>
    public bool Relayout { get; set; }

    /// <inheritdoc />
    public override bool Execute()
    {
        if (!base.Execute())
            return false;
        var diagnostics = new DiagnosticBag();
        var state = new StateFolder(Path.GetFullPath(StateDirectory.GetMetadata("FullPath")));
        if (BuildEngine4.GetRegisteredTaskObject(ComposeEnvironment.KeyOf(ProjectFile), RegisteredTaskObjectLifetime.Build) is ProjectModel model)
        {
            Composition.Compose(model, state, diagnostics);
            if (!diagnostics.HasErrors)
                Composition.Emit(state);
        }
        foreach (var diagnostic in diagnostics.Items)
            Log.LogDiagnostic(diagnostic);
        return !Log.HasLoggedErrors;
    }

    /// <inheritdoc />
    protected override IEnumerable<string> Arguments()
    {
        yield return "--lock";
        if (Relayout)
            yield return "--relayout";
        foreach (var name in Upgrade)
        {
            yield return "--upgrade";
            yield return name;
        }
    }
}
