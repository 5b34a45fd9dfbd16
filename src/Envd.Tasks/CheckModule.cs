using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Checks files of a module by their text, before anybody imports them.</summary>
public sealed class CheckModule : Microsoft.Build.Utilities.Task
{
    /// <summary>The files.</summary>
    [Required]
    public ITaskItem[] Files { get; set; } = [];

    /// <inheritdoc />
    public override bool Execute()
    {
        var diagnostics = new DiagnosticBag();
        foreach (var file in Files)
        {
            try
            {
                RawProjectChecks.CheckFile(file.GetMetadata("FullPath"), diagnostics);
            }
            catch (EnvdException e)
            {
                Log.LogDiagnostic(e.Diagnostic);
            }
        }
        foreach (var diagnostic in diagnostics.Items)
            Log.LogDiagnostic(diagnostic);
        return !Log.HasLoggedErrors;
    }
}
