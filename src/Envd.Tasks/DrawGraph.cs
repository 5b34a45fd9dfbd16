using System.Text;
using System.Text.Json;
using Envd.Core.Diagnostics;
using Envd.Core.Drawing;
using Envd.Core.Graph;
using Envd.Core.StateFiles;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Draws env.graph.json as DOT, as Mermaid, and as a page.</summary>
public sealed class DrawGraph : Microsoft.Build.Utilities.Task
{
    /// <summary>The folder of env.spec.json and its siblings.</summary>
    [Required]
    public ITaskItem StateDirectory { get; set; } = null!;

    /// <summary>The project file, whose name is the page's title.</summary>
    [Required]
    public ITaskItem ProjectFile { get; set; } = null!;

    /// <summary>The record of the image on the engine that is meant; its last build is shown.</summary>
    [Required]
    public ITaskItem ImageFile { get; set; } = null!;

    /// <summary>The page. Ex: obj/envd/env.graph.html.</summary>
    [Output]
    public string Page { get; set; } = "";

    /// <inheritdoc />
    public override bool Execute()
    {
        var state = new StateFolder(Path.GetFullPath(StateDirectory.GetMetadata("FullPath")));
        try
        {
            // image-KEY.json names the engine; the graph that it solved may be another than the emitted one.
            var key = Path.GetFileNameWithoutExtension(ImageFile.GetMetadata("FullPath"))["image-".Length..];
            var bytes = AtomicFile.ReadOrNull(state.SolvedGraph(key)) ?? File.ReadAllBytes(state.Graph);
            var graph = EnvironmentGraph.Read(bytes);
            var drawing = new GraphDrawing(graph, PositionFiles.Read(state.Positions), BuildReport.Read(state.Build(key)));
            Page = state.GraphPage;
            AtomicFile.WriteIfDifferent(state.GraphDot, Encoding.UTF8.GetBytes(drawing.ToDot()));
            AtomicFile.WriteIfDifferent(state.GraphMermaid, Encoding.UTF8.GetBytes(drawing.ToMermaid()));
            AtomicFile.WriteIfDifferent(Page, Encoding.UTF8.GetBytes(drawing.ToPage(ProjectFile.GetMetadata("Filename"))));
        }
        catch (EnvdException e)
        {
            Log.LogDiagnostic(e.Diagnostic);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            Log.LogDiagnostic(new Diagnostic(ErrorCodes.StateNotWritable, $"The graph cannot be drawn: {e.Message}", "Delete the folder obj/envd and build again."));
        }
        return !Log.HasLoggedErrors;
    }
}
