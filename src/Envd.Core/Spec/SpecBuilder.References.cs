using Envd.Core.Diagnostics;
using Envd.Core.StateFiles;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private readonly List<(ReferenceSpec Spec, ReferenceFolders Folders, ReferencedProject Project)> _references = [];

    /// <summary>Reads what the referenced environments have composed. Comes first: stages and the base may be theirs.</summary>
    private void ReadReferences()
    {
        foreach (var project in _model.References)
        {
            var state = new StateFolder(Path.TrimEndingDirectorySeparator(project.StateDirectory));
            var file = Path.GetFileName(project.ProjectFile);
            try
            {
                var spec = SpecFile.ReadEnvironment(File.ReadAllBytes(state.Spec));
                var run = SpecFile.ReadRun(File.ReadAllBytes(state.Run));
                var isBase = project.Stage == "base";
                var name = project.Stage.Length > 0 && !isBase ? project.Stage : spec.Name;
                if (!Names.IsIdentifier(name) || ReservedStages.Contains(name))
                    ReportReference(file, ErrorCodes.InvalidName, $"The reference to {file} would be the stage '{Printable(name)}'.", "Write another name in its Stage.");
                else if (_references.Exists(r => r.Spec.Name == name))
                    ReportReference(file, ErrorCodes.Contradiction, $"Two references are the stage '{name}'.", "Give one of them another name in its Stage.");
                else if (isBase && _references.Exists(r => r.Spec.IsBase))
                    ReportReference(file, ErrorCodes.Contradiction, "Two references are the base.", "Keep Stage=\"base\" on one of them.");
                else if (spec.Platform != Platform())
                    ReportReference(file, ErrorCodes.Contradiction, $"{file} is for {spec.Platform}, and this environment for {Platform()}.", "Set EnvdPlatform for both.");
                else
                    _references.Add((new ReferenceSpec(name, isBase, spec), new ReferenceFolders(name, project.ContextDirectory, state.Path, run), project));
            }
            catch (Exception e) when (e is IOException or System.Text.Json.JsonException or UnauthorizedAccessException)
            {
                ReportReference(file, ErrorCodes.MissingFile, $"The referenced environment {file} has not been composed: {e.Message}", "Build it.");
            }
        }
    }

    private void ReportReference(string file, string code, string message, string hint)
    {
        var item = Items("ProjectReference").FirstOrDefault(i => Path.GetFileName(i.Include.Replace('\\', '/')) == file);
        if (item is null)
            _diagnostics.Error(code, message, hint, new SourcePosition(_model.ProjectFile, 0, 0));
        else
            Report(item, "", code, message, hint);
    }

    /// <summary>A base's environment comes along; what is declared here wins.</summary>
    private EnvironmentSpec WithBase(EnvironmentSpec spec)
    {
        spec = spec with { References = [.. _references.Select(r => r.Spec)] };
        if (spec.Base?.Spec is not { } upon)
            return spec;
        return spec with
        {
            BaseImage = upon.BaseImage,
            Environment = [.. spec.Environment.Concat(upon.Environment.Where(v => !spec.Environment.Any(own => own.Name == v.Name))).OrderBy(v => v.Name, StringComparer.Ordinal)],
            Labels = [.. spec.Labels.Concat(upon.Labels.Where(l => !spec.Labels.Any(own => own.Name == l.Name))).OrderBy(l => l.Name, StringComparer.Ordinal)],
            PathEntries = [.. upon.PathEntries, .. spec.PathEntries],
            Commands = [.. spec.Commands.Concat(upon.Commands.Where(c => !spec.Commands.Any(own => own.Name == c.Name))).OrderBy(c => c.Name, StringComparer.Ordinal)],
            Services = [.. upon.Services.Where(s => !spec.Services.Any(own => own.Name == s.Name)), .. spec.Services],
        };
    }

    /// <summary>Places of the references' items, for errors in steps that are theirs.</summary>
    private void AddReferencePositions(SortedDictionary<string, SourcePosition> positions)
    {
        foreach (var (spec, folders, project) in _references)
            foreach (var (origin, place) in PositionFiles.Read(new StateFolder(folders.StateDirectory).Positions))
                positions[$"{spec.Name}/{origin}"] = new SourcePosition(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(project.ProjectFile)!, place.File)), place.Line, place.Column);
    }
}
