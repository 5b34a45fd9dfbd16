using System.Text.RegularExpressions;
using Envd.BuildKit;
using Envd.BuildKit.Client;
using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Spec;
using Envd.Core.StateFiles;

namespace Envd.Runtime.Images;

/// <summary>Turns an engine's failure into what a user can act on: a code, the item's place, the tool's own last lines.</summary>
internal sealed partial class FailureExplainer(string projectFile, IReadOnlyDictionary<string, RecordedPosition> positions, EnvironmentSpec spec)
{
    /// <summary>The exit code of our own scripts where a base image does not suit.</summary>
    private const int Unsuitable = 93;
    private const int WrongChecksum = 94;
    private const int IndexUnusable = 95;

    private const int ShownLines = 12;

    public EnvdException BaseImage(RpcException e)
    {
        var hint = e.Message.Contains("no such host", StringComparison.Ordinal) || e.Message.Contains("dial tcp", StringComparison.Ordinal)
            || e.Message.Contains("failed to do request", StringComparison.Ordinal)
            ? "The engine holds no such image and its registry cannot be reached: check the name, load the image into the engine, or name one of a mirror in ContainerBaseImage."
            : "Check the name and tag in ContainerBaseImage.";
        return new EnvdException(ErrorCodes.ImageNotFound, $"The base image {spec.BaseImage} cannot be had: {LastPart(e.Message)}", hint, PositionOf("Property:ContainerBaseImage"), e);
    }

    public EnvdException Explain(SolveException e, IReadOnlyDictionary<string, string> origins)
    {
        if (e.IsEngineDiskFull)
            return new EnvdException(ErrorCodes.EngineDiskFull, "The engine's disk is full.", "Free some space, for example by `docker builder prune`, and build again.", Position(e, origins), e);
        if (e.Step is not { Name.Length: > 0 } step)
            return new EnvdException(ErrorCodes.EngineRefused, $"The engine could not build: {LastPart(e.Message)}", "", null, e);
        if (step.ExitCode == Unsuitable)
            return new EnvdException(ErrorCodes.UnsuitableBase, step.LogTail.LastOrDefault(l => l.StartsWith("envd: ", StringComparison.Ordinal))?["envd: ".Length..]
                ?? "The base image does not suit.", "", PositionOf("Property:ContainerBaseImage") ?? Position(e, origins), e);
        if (step.ExitCode == IndexUnusable)
            return new EnvdException(ErrorCodes.IndexUnreachable, $"{Capitalised(step.LogTail.LastOrDefault(l => l.StartsWith("envd: ", StringComparison.Ordinal))?["envd: ".Length..] ?? "an index cannot be used")}.",
                "Check its Url, its UserName and Secret, the network and the proxy.", PositionOf("PythonIndex:*") ?? Position(e, origins), e);
        if (Unsatisfiable(step, e) is { } unsatisfiable)
            return unsatisfiable;
        if (step.ExitCode == WrongChecksum || e.Message.Contains("digest mismatch", StringComparison.Ordinal))
            return new EnvdException(ErrorCodes.ChecksumMismatch, $"'{step.Name}': {(step.LogTail.LastOrDefault(l => l.StartsWith("envd: ", StringComparison.Ordinal))?["envd: ".Length..] ?? LastPart(e.Message))}.",
                "Fetch it again; where it has really changed, correct the checksum.", Position(e, origins), e);
        if (step.LogTail.Any(l => l.Contains("exec format error", StringComparison.OrdinalIgnoreCase)) || e.Message.Contains("exec format error", StringComparison.Ordinal))
            return new EnvdException(ErrorCodes.UnsuitableBase, $"'{step.Name}' is a program of another platform than the engine's machine, which cannot run it.",
                "Install QEMU's binfmt handlers there (Debian: qemu-user-static), or build on a machine of that platform.", Position(e, origins), e);
        if (step.Name.StartsWith("image ", StringComparison.Ordinal))
            return new EnvdException(ErrorCodes.ImageNotFound, $"The {step.Name} cannot be had: {LastPart(e.Message)}", "Check its name and tag.", Position(e, origins), e);
        if (step.LogTail.Any(l => l.Contains("DO NOT MATCH THE HASHES", StringComparison.Ordinal)))
            return new EnvdException(ErrorCodes.ChecksumMismatch, $"'{step.Name}': a file is not the one that the lock names.{Tail(step)}", "Put the file back; or, if the new one is right, run `envd lock --upgrade NAME`.", Position(e, origins), e);
        if (step.LogTail.FirstOrDefault(l => l.Contains("is not a supported wheel on this platform", StringComparison.Ordinal)) is { } unsupported)
            return new EnvdException(ErrorCodes.WheelUnsuitable, $"{Path.GetFileName(unsupported.Replace("ERROR: ", "", StringComparison.Ordinal).Split(' ')[0])} is for another platform or another Python than that of {spec.BaseImage}.", "Take the wheel that fits; the tags in its name say what it is for.", PositionOf("PythonWheel:*") ?? Position(e, origins), e);
        if (step.LogTail.Any(l => Unreachable().IsMatch(l)))
            return new EnvdException(ErrorCodes.IndexUnreachable, $"'{step.Name}' could not reach what it downloads from.{Tail(step)}", "Check the network, the proxy, and a Mirror or PythonIndex of the project; then build again.", Position(e, origins), e);
        return MissingPackage(e, step) ?? new EnvdException(ErrorCodes.StepFailed,
            $"'{step.Name}' failed{(step.ExitCode is { } code ? $" with exit code {code}" : ": " + LastPart(e.Message))}.{Tail(step)}", "", Position(e, origins), e);
    }

    /// <summary>A file that the engine could not fetch, as its address itself tells it.</summary>
    public EnvdException Download(SolveException e, DownloadOperation download, DownloadFinding found, IReadOnlyDictionary<string, string> origins) => found.IsOtherFile
        ? new EnvdException(ErrorCodes.ChecksumMismatch, $"'{e.Step!.Name}': {found.What}.", "Find out why it has changed; `envd lock --upgrade NAME` takes what is there now.", Position(e, origins), e)
        : new EnvdException(ErrorCodes.IndexUnreachable, $"'{e.Step!.Name}': {found.What}.",
            download.FileName.EndsWith(".deb", StringComparison.Ordinal) ? "Mirrors drop old versions: `envd lock --upgrade NAME` takes the present one; a snapshot archive as Mirror of apt, or a bundle, keeps them."
                : "Check the network, the proxy, and a Mirror or PythonIndex of the project; then build again.", Position(e, origins), e);

    /// <summary>The resolver's own explanation, with the places of the items that it names.</summary>
    private EnvdException? Unsatisfiable(FailedStep step, SolveException e)
    {
        if (step.LogTail.FirstOrDefault(l => l.Contains("ResolutionImpossible", StringComparison.Ordinal) || l.Contains("have conflicting dependencies", StringComparison.Ordinal)) is null)
            return null;
        var lines = step.LogTail.Where(l => l.Length > 0 && !l.StartsWith("To fix this", StringComparison.Ordinal) && !l.StartsWith("1. ", StringComparison.Ordinal) && !l.StartsWith("2. ", StringComparison.Ordinal) && !l.Contains("ResolutionImpossible", StringComparison.Ordinal)).ToList();
        var named = positions.Where(p => p.Key.StartsWith("PythonPackage:", StringComparison.Ordinal))
            .Where(p => lines.Any(l => Word(Names.NormalizePython(p.Key["PythonPackage:".Length..])).IsMatch(Names.NormalizePython(l)))).OrderBy(p => p.Value.Line).ToList();
        var places = string.Concat(named.Select(p => $"\n  {p.Value.File}({p.Value.Line},{p.Value.Column}): {p.Key["PythonPackage:".Length..]}"));
        return new EnvdException(ErrorCodes.Unsatisfiable, $"No versions go together with all that is asked for:\n  {string.Join("\n  ", lines.TakeLast(ShownLines))}{places}", "", ToSource(named.FirstOrDefault().Value) ?? PositionOf("PythonRequirements:*"), e);

        static Regex Word(string name) => new($@"(?<![a-z0-9-]){Regex.Escape(name)}(?![a-z0-9])", RegexOptions.CultureInvariant);
    }

    private static string Capitalised(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private EnvdException? MissingPackage(SolveException e, FailedStep step)
    {
        foreach (var line in step.LogTail)
        {
            if (MissingApt().Match(line) is { Success: true } apt)
            {
                var name = apt.Groups[1].Value;
                return new EnvdException(ErrorCodes.PackageNotFound, $"apt has no package '{name}' for {spec.BaseImage}. Check its name and version with apt-cache policy in the base image.{Tail(step)}", "", PositionOf("AptPackage:" + name) ?? PositionOf("AptPackage:*"), e);
            }
            if (MissingR().Match(line) is { Success: true } r)
                return new EnvdException(ErrorCodes.PackageNotFound, $"CRAN has no package '{r.Groups[1].Value}' that fits, or it could not be compiled.{Tail(step)}", "", PositionOf("RPackage:" + r.Groups[1].Value) ?? PositionOf("RPackage:*"), e);
            if (line.Contains("npm error code E404", StringComparison.Ordinal) || line.Contains("npm error code ETARGET", StringComparison.Ordinal))
                return new EnvdException(ErrorCodes.PackageNotFound, $"npm does not have what is declared.{Tail(step)}", "Check names and versions.", PositionOf("NpmPackage:*"), e);
            if (MissingPython().Match(line) is { Success: true } python)
            {
                var name = Names.NormalizePython(python.Groups[1].Value);
                if (spec.Lock?.Python?.Packages.FirstOrDefault(p => p.Name == name) is { } held && step.Name.StartsWith("Python: ", StringComparison.Ordinal))
                    return new EnvdException(ErrorCodes.WheelUnsuitable, $"{held.File}, which the lock names, is for another platform or another Python than that of {spec.BaseImage}.", $"Run `envd lock --upgrade {name}`; the lock belongs to the base that it was made on.", PositionOf("PythonPackage:*"), e);
                var position = positions.FirstOrDefault(p => p.Key.StartsWith("PythonPackage:", StringComparison.Ordinal)
                    && Names.NormalizePython(p.Key["PythonPackage:".Length..]) == name).Value;
                return new EnvdException(ErrorCodes.PackageNotFound, $"pip finds no '{name}' that fits. Check its name and version, and that the index has it for this Python.{Login(line)}{Tail(step)}", "", ToSource(position) ?? PositionOf("PythonRequirements:*") ?? PositionOf("PythonProject:*"), e);
            }
        }
        return null;
    }

    // pip takes an index that answers 401 for one that holds nothing.
    private string Login(string line) =>
        !line.Contains("from versions: none", StringComparison.Ordinal) ? ""
        : spec.Python?.Indexes.FirstOrDefault(i => i.Secret.Length > 0) is { } index
            ? $" An index that refuses its login looks empty to pip: check the secret '{index.Secret}' of PythonIndex '{index.Name}'."
            : " An index that wants a login looks empty to pip: give its PythonIndex a UserName and a Secret.";

    private static string Tail(FailedStep step) =>
        step.LogTail.Count == 0 ? "" : "\n  " + string.Join("\n  ", step.LogTail.Where(l => l.Length > 0).TakeLast(ShownLines));

    private SourcePosition? Position(SolveException e, IReadOnlyDictionary<string, string> origins) =>
        e.Step is not null && PositionFiles.ByVertex(origins, positions).TryGetValue(e.Step.Digest, out var position) ? ToSource(position) : null;

    private SourcePosition? PositionOf(string origin) =>
        origin.EndsWith('*')
            ? ToSource(positions.Where(p => p.Key.StartsWith(origin[..^1], StringComparison.Ordinal)).OrderBy(p => p.Value.Line).FirstOrDefault().Value)
            : ToSource(positions.GetValueOrDefault(origin));

    private SourcePosition? ToSource(RecordedPosition? position) =>
        position is null ? null : new SourcePosition(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(projectFile)!, position.File)), position.Line, position.Column);

    // Errors of Go are sentences joined by colons, the cause last; two parts say enough.
    private static string LastPart(string message)
    {
        var parts = message.Split(": ");
        return string.Join(": ", parts.TakeLast(2)).TrimEnd('.') + ".";
    }

    [GeneratedRegex("^E: Failed to fetch |Temporary failure resolving|Could not connect to |Unable to connect to |NewConnectionError|Max retries exceeded|Could not resolve host", RegexOptions.CultureInvariant)]
    private static partial Regex Unreachable();

    [GeneratedRegex(@"(?:Unable to locate package |Package '|Version '[^']*' for ')([^'\s]+)(?:$|' has no installation candidate|' was not found)", RegexOptions.CultureInvariant)]
    private static partial Regex MissingApt();

    [GeneratedRegex("^Error: package ([A-Za-z0-9.]+) (?:is not available|has no version)", RegexOptions.CultureInvariant)]
    private static partial Regex MissingR();

    [GeneratedRegex(@"(?:No matching distribution found for|Could not find a version that satisfies the requirement) ([A-Za-z0-9][A-Za-z0-9._-]*)", RegexOptions.CultureInvariant)]
    private static partial Regex MissingPython();
}
