using Envd.Core.Diagnostics;
using Envd.Core.StateFiles;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Plans the graph of env.spec.json and lowers it to LLB.</summary>
public sealed class EmitEnvironment : Microsoft.Build.Utilities.Task
{
    /// <summary>The folder of env.spec.json and its siblings.</summary>
    [Required]
    public ITaskItem StateDirectory { get; set; } = null!;

    /// <inheritdoc />
    public override bool Execute()
    {
        try
        {
            Composition.Emit(new StateFolder(Path.GetFullPath(StateDirectory.GetMetadata("FullPath"))));
        }
        catch (EnvdException e)
        {
            Log.LogDiagnostic(e.Diagnostic);
        }
        return !Log.HasLoggedErrors;
    }
}
