using Envd.Core.Services;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    /// <summary>The generated files of an environment: what PID 1 runs, service folders, sshd's and sudo's configuration.</summary>
    private string PlanServiceFiles(string on)
    {
        var files = ServiceFiles.Generate(_spec);
        if (files.Count == 0)
            return on;
        // Folders first, each once and with a mode: a merge takes a folder's mode from its topmost tree.
        var actions = new List<GraphFileAction>();
        foreach (var folder in Folders(files.Select(f => f.Path)))
            actions.Add(new GraphFileAction { Path = folder, Mode = "0755" });
        foreach (var file in files)
            actions.Add(new GraphFileAction { Path = file.Path, Text = file.Text, Mode = file.Mode });
        return Clamped(on, _graph.Add("services-files", "write what runs the services", new FilesOperation(on, actions)), "the files of services");
    }

    private static IEnumerable<string> Folders(IEnumerable<string> paths)
    {
        var folders = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var path in paths)
            for (var cut = path.LastIndexOf('/'); cut > 0; cut = path.LastIndexOf('/', cut - 1))
                folders.Add(path[..cut]);
        return folders;
    }
}
