using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.FileTree;

namespace Envd.Core.StateFiles;

/// <summary>
/// From a project to the files of its state folder. Where nothing that the last composition saw has changed, a few stats are all it costs.
/// </summary>
public static class Composition
{
    /// <summary>Composes the spec and lists the inputs.</summary>
    /// <returns>False where the diagnostics hold an error.</returns>
    public static bool Compose(ProjectModel model, StateFolder state, DiagnosticBag diagnostics)
    {
        var fingerprint = Fingerprint(model);
        var stamp = ComposeStamp.Read(state.ComposeStamp);
        if (stamp is null || stamp.Fingerprint != fingerprint || !stamp.Holds() || !File.Exists(state.Spec) || !File.Exists(state.Run))
        {
            if (SpecBuilder.Build(model, diagnostics) is not { } result)
            {
                AtomicFile.Delete(state.ComposeStamp);
                return false;
            }
            AtomicFile.WriteIfDifferent(state.Spec, SpecFile.ToBytes(result.Environment));
            AtomicFile.WriteIfDifferent(state.Run, SpecFile.ToBytes(result.Run));
            AtomicFile.WriteIfDifferent(state.Positions, PositionFiles.ToBytes(result.Positions, Path.GetDirectoryName(model.ProjectFile)!));
            if (result.Run.LockChanges.Count > 0)
                AtomicFile.WriteIfDifferent(state.LockChanges, Encoding.UTF8.GetBytes(string.Join('\n', result.Run.LockChanges) + "\n"));
            else
                AtomicFile.Delete(state.LockChanges);
            stamp = ComposeStamp.Of(fingerprint, model, result);
            // A warning is shown by every build until its cause is gone.
            if (diagnostics.Items.Count == 0)
                AtomicFile.Write(state.ComposeStamp, stamp.ToBytes());
            else
                AtomicFile.Delete(state.ComposeStamp);
        }
        try
        {
            AtomicFile.WriteIfDifferent(state.Inputs, InputListing.List(model.ContextDirectory, stamp.Patterns, stamp.Folders,
                [.. model.References.Select(r => KeyValuePair.Create(Path.GetFileNameWithoutExtension(r.ProjectFile), new StateFolder(Path.TrimEndingDirectorySeparator(r.StateDirectory)).Inputs))]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            diagnostics.Error(ErrorCodes.ContextUnreadable, e.Message, "List it in .dockerignore, or make it readable.");
            return false;
        }
        return true;
    }

    /// <summary>Plans and lowers the spec for an engine that merges, unless the project turns that off.</summary>
    /// <exception cref="EnvdException">The spec cannot be planned.</exception>
    public static void Emit(StateFolder state)
    {
        var spec = SpecFile.ReadEnvironment(File.ReadAllBytes(state.Spec));
        var graph = Planner.Plan(spec, merge: spec.Merge != "off");
        var lowered = GraphLowering.Lower(graph);
        AtomicFile.WriteIfDifferent(state.Graph, graph.ToBytes());
        AtomicFile.WriteIfDifferent(state.Llb, lowered.ToBytes());
        AtomicFile.WriteIfDifferent(state.Sources, PositionFiles.ToBytes(lowered.Origins, PositionFiles.Read(state.Positions)));
    }

    private static string Fingerprint(ProjectModel model)
    {
        var text = new StringBuilder(4096);
        // Another build of this assembly may compose the same items differently.
        text.Append(typeof(Composition).Module.ModuleVersionId).Append('\n').Append(model.ContextDirectory).Append('\n').Append(model.ProjectFile).Append('\n');
        foreach (var (name, value) in model.Properties.OrderBy(p => p.Key, StringComparer.Ordinal))
            text.Append(name).Append('=').Append(value).Append('\n');
        foreach (var reference in model.References)
            text.Append(reference.ProjectFile).Append('\0').Append(reference.Stage).Append('\0').Append(reference.ContextDirectory).Append('\0').Append(reference.StateDirectory).Append('\n');
        foreach (var item in model.Items)
        {
            text.Append(item.Type).Append('\0').Append(item.Include).Append('\0').Append(item.DefiningFile);
            foreach (var (name, value) in item.EscapedMetadata)
                text.Append('\0').Append(name).Append('=').Append(value);
            text.Append('\n');
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    /// <summary>What a composition saw: a line a fact, so that reading it back costs no parser.</summary>
    private sealed record ComposeStamp(string Fingerprint, IReadOnlyList<string> Watched, IReadOnlyList<string> Patterns, IReadOnlyList<KeyValuePair<string, string>> Folders)
    {
        public static ComposeStamp Of(string fingerprint, ProjectModel model, SpecResult result)
        {
            var watched = SpecBuilder.SourceFiles(model)
                .Concat(model.References.Select(r => new StateFolder(Path.TrimEndingDirectorySeparator(r.StateDirectory))).SelectMany(s => new[] { s.Spec, s.Run, s.Positions }))
                .Concat([Locks.LockFiles.Of(model.ProjectFile, result.Run.Variant).Python, Locks.LockFiles.Of(model.ProjectFile, result.Run.Variant).System])
                .Concat(result.Environment.Python?.FileClosure.Select(f => Path.Combine(model.ContextDirectory, f)) ?? [])
                .Concat(result.Environment.ContextPatterns.Where(p => !Llb.PatternSet.HasWildcard(p)).Select(p => Path.Combine(model.ContextDirectory, p)))
                .Distinct(StringComparer.Ordinal);
            return new ComposeStamp(fingerprint, [.. watched.Select(Describe)], result.Environment.ContextPatterns, result.Run.IndexContexts);
        }

        /// <summary>Whether every file is as it was.</summary>
        public bool Holds() => Watched.All(line => Describe(line[..line.IndexOf('\0', StringComparison.Ordinal)]) == line);

        public byte[] ToBytes()
        {
            var text = new StringBuilder(Fingerprint).Append('\n');
            foreach (var line in Watched)
                text.Append("w\0").Append(line).Append('\n');
            foreach (var pattern in Patterns)
                text.Append("p\0").Append(pattern).Append('\n');
            foreach (var (name, folder) in Folders)
                text.Append("f\0").Append(name).Append('\0').Append(folder).Append('\n');
            return Encoding.UTF8.GetBytes(text.Append("end\n").ToString());
        }

        public static ComposeStamp? Read(string path)
        {
            if (AtomicFile.ReadOrNull(path) is not { } bytes)
                return null;
            var lines = Encoding.UTF8.GetString(bytes).Split('\n');
            if (lines is not [var fingerprint, .., "end", ""])
                return null;
            var (watched, patterns, folders) = (new List<string>(), new List<string>(), new List<KeyValuePair<string, string>>());
            foreach (var line in lines[1..^2])
            {
                var rest = line.Length > 2 ? line[2..] : "";
                if (line.StartsWith("w\0", StringComparison.Ordinal))
                    watched.Add(rest);
                else if (line.StartsWith("p\0", StringComparison.Ordinal))
                    patterns.Add(rest);
                else if (line.StartsWith("f\0", StringComparison.Ordinal) && rest.Split('\0') is [var name, var folder])
                    folders.Add(new(name, folder));
                else
                    return null;
            }
            return new ComposeStamp(fingerprint, watched, patterns, folders);
        }

        private static string Describe(string path) =>
            FileStat.TryGet(path, out var stat)
                ? string.Create(CultureInfo.InvariantCulture, $"{path}\0{(stat.IsDirectory ? 0 : stat.Size)}\0{(stat.IsDirectory ? 0 : stat.ModifiedNanoseconds)}\0{stat.Mode}")
                : path + "\0absent";
    }
}
