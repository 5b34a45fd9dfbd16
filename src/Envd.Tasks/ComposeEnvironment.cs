using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.ProjectFile;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Composes the spec from items and properties, and lists the files that the image is made from.</summary>
public sealed partial class ComposeEnvironment : Microsoft.Build.Utilities.Task
{
    /// <inheritdoc />
    public override bool Execute()
    {
        var diagnostics = new DiagnosticBag();
        try
        {
            var model = Model();
            var state = new StateFolder(Path.GetFullPath(StateDirectory.GetMetadata("FullPath")));
            Composition.Compose(model, state, diagnostics);
            LockIsStale = File.Exists(state.LockChanges);
            BuildEngine4.RegisterTaskObject(KeyOf(ProjectFile), model, RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
            var engine = EngineSelection.Resolve(EngineContext, Environment.GetEnvironmentVariable);
            Engine = engine.IsBuildKit ? "buildkit+" + engine.Address : engine.Address;
            ImageFile = state.Image(engine.Key);
            OutputFiles = [.. Outputs.Select(o => o.GetMetadata("Path")).Where(p => p.Length > 0)
                .Select(p => new Microsoft.Build.Utilities.TaskItem(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(model.ProjectFile)!, p))))];
        }
        catch (EnvdException e)
        {
            diagnostics.Add(e.Diagnostic);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            diagnostics.Error(ErrorCodes.StateNotWritable, e.Message, "Make the folder readable and writable.");
        }
        foreach (var diagnostic in diagnostics.Items)
            Log.LogDiagnostic(diagnostic);
        foreach (var note in diagnostics.Notes)
            Log.LogMessage(MessageImportance.High, $"{Path.GetFileNameWithoutExtension(ProjectFile.ItemSpec)}: {note}");
        return !Log.HasLoggedErrors;
    }

    /// <summary>Under which the rest of a build finds what was read.</summary>
    internal static string KeyOf(ITaskItem project) => "Envd.ProjectModel:" + project.GetMetadata("FullPath");

    private ProjectModel Model()
    {
        var items = new List<ProjectItem>();
        foreach (var (type, list) in ItemLists())
            items.AddRange(ItemReader.Read(type, list));
        return new ProjectModel
        {
            ProjectFile = ProjectFile.GetMetadata("FullPath"),
            ContextDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(ContextDirectory.GetMetadata("FullPath"))),
            Items = items,
            UserFile = UserFile?.GetMetadata("FullPath") ?? "",
            References = [.. ReferencedStates.Select(Reference)],
            Properties = Properties.ToDictionary(p => p.ItemSpec, p => p.GetMetadata("Value"), StringComparer.Ordinal),
        };
    }

    private ReferencedProject Reference(ITaskItem state)
    {
        var project = state.GetMetadata("MSBuildSourceProjectFile");
        var item = ProjectReferences.FirstOrDefault(r => r.GetMetadata("FullPath") == project);
        return new ReferencedProject(project, Path.TrimEndingDirectorySeparator(state.GetMetadata("Context")), state.ItemSpec, item?.GetMetadata("Stage").Trim() ?? "");
    }

    private (string Type, ITaskItem[] Items)[] ItemLists() =>
    [
        ("Language", Languages),
        ("AptPackage", AptPackages),
        ("Dataset", Datasets),
        ("DnfPackage", DnfPackages),
        ("ApkPackage", ApkPackages),
        ("NpmPackage", NpmPackages),
        ("RPackage", RPackages),
        ("JuliaPackage", JuliaPackages),
        ("CondaPackage", CondaPackages),
        ("CondaEnvironmentFile", CondaEnvironmentFiles),
        ("CondaChannel", CondaChannels),
        ("VSCodeExtension", VSCodeExtensions),
        ("PythonProject", PythonProjects),
        ("PythonWheel", PythonWheels),
        ("PythonPackage", PythonPackages),
        ("PythonRequirements", PythonRequirements),
        ("PythonIndex", PythonIndexes),
        ("ContainerEnvironmentVariable", EnvironmentVariables),
        ("ContainerLabel", Labels),
        ("ContainerPort", Ports),
        ("Mount", Mounts),
        ("Service", Services),
        ("Stage", Stages),
        ("Step", Steps),
        ("ProjectReference", [.. ProjectReferences.Where(r => ReferencedStates.Any(s => s.GetMetadata("MSBuildSourceProjectFile") == r.GetMetadata("FullPath")))]),
        ("Secret", Secrets),
        ("PathEntry", PathEntries),
        ("CertificateAuthority", CertificateAuthorities),
        ("AptSource", AptSources),
        ("Mirror", Mirrors),
        ("RunOption", RunOptions),
        ("RuntimeCommand", RuntimeCommands),
        ("CacheFrom", CacheFrom),
        ("CacheTo", CacheTo),
        ("EnvdOutput", Outputs),
    ];
}
