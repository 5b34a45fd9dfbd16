using Envd.Core.Diagnostics;
using Microsoft.Build.Utilities;

namespace Envd.Tasks;

/// <summary>Shows diagnostics as MSBuild's errors and warnings.</summary>
internal static class DiagnosticLog
{
    public static void LogDiagnostic(this TaskLoggingHelper log, Diagnostic diagnostic)
    {
        var (file, line, column) = diagnostic.Position is { } p ? (p.File, p.Line, p.Column) : ("", 0, 0);
        // The text is data: braces in it are no format.
        if (diagnostic.IsWarning)
            log.LogWarning(null, diagnostic.Code, null, file, line, column, 0, 0, "{0}", diagnostic.Text);
        else
            log.LogError(null, diagnostic.Code, null, file, line, column, 0, 0, "{0}", diagnostic.Text);
    }
}
