using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

/// <summary>
/// A person's own file of items: what it adds to the image comes last, in a stage of its own upon everything else, so that no step of the project's
/// is another for it.
/// </summary>
public sealed partial class SpecBuilder
{
    private const string PersonalStage = "personal";

    private static readonly string[] PersonalPackages = ["AptPackage", "DnfPackage", "ApkPackage", "PythonPackage"];
    private static readonly string[] PersonalStart = ["Mount", "RunOption", "Secret"];

    private bool HasPersonalStage => _model.Items.Any(i => IsPersonal(_model, i) && i["Stage"] == PersonalStage);

    /// <summary>The project with the stage of what a person has added.</summary>
    private static ProjectModel WithPersonalStage(ProjectModel model) => model.UserFile.Length == 0 ? model : model with
    {
        Items = [.. model.Items.Select(item => !IsPersonal(model, item) || item["Stage"].Length > 0 || !(item.Type == "Step" || PersonalPackages.Contains(item.Type)) ? item
            : item with { EscapedMetadata = new Dictionary<string, string>(item.EscapedMetadata, StringComparer.OrdinalIgnoreCase) { ["Stage"] = PersonalStage } })],
    };

    private static bool IsPersonal(ProjectModel model, ProjectItem item) => model.UserFile.Length > 0 && item.DefiningFile == model.UserFile;

    private void CheckPersonal(PythonSpec? python)
    {
        var items = _model.Items.Where(i => IsPersonal(_model, i)).ToList();
        foreach (var item in items.Where(i => !PersonalStart.Contains(i.Type)))
        {
            if (item.Type != "Step" && !PersonalPackages.Contains(item.Type))
                Report(item, "", ErrorCodes.MetadataConflict, $"{item.Type} '{Printable(item.Include)}' stands in your own file, which adds to an image and changes none.",
                    $"Declare it in the project; your own file takes {string.Join(", ", PersonalPackages)}, Step, {string.Join(", ", PersonalStart[..^1])} and {PersonalStart[^1]}.");
            else if (item["Stage"] != PersonalStage)
                Report(item, "Stage", ErrorCodes.MetadataConflict, $"{item.Type} '{Printable(item.Include)}' of your own file names a stage, and all that the file adds comes last.", "Leave Stage out.");
            else if (item.Type == "PythonPackage" && (python is null || item["BuildEnvironment"].Length > 0))
                Report(item, python is null ? "" : "BuildEnvironment", ErrorCodes.MetadataConflict, $"PythonPackage '{Printable(item.Include)}' of your own file would change {(python is null ? "an environment that has no Python" : "how the project's packages are built")}.",
                    "Declare it in the project.");
            else if (item.Type == "Step" && (item["Script"].Length > 0 || item.List("Mounts").Any(m => m.StartsWith("context", StringComparison.Ordinal)) || (item["Copy"].Length > 0 && item["FromStage"].Length + item["FromImage"].Length == 0)))
                Report(item, "", ErrorCodes.MetadataConflict, $"Step '{Printable(item.Include)}' of your own file takes files of the project's folder, which would make the project's steps others.", "Use WriteFile, Git, Download or a Mount.");
        }
        if (items.Count > 0)
            _diagnostics.Note("Items of your own (EnvdUserProps) are in this environment; EnvdImportUserProps=false leaves them out.");
    }
}
