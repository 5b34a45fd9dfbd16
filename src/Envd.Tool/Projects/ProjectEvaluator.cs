using System.Diagnostics;
using System.Text.Json;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.ProjectFile;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Tool.Interaction;

namespace Envd.Tool.Projects;

/// <summary>A project whose state folder is up to date.</summary>
/// <param name="File">The project file.</param>
/// <param name="State">Its state folder.</param>
/// <param name="ContextDirectory">The folder that steps copy from.</param>
/// <param name="Engine">The engine that is meant.</param>
internal sealed record EvaluatedProject(string File, StateFolder State, string ContextDirectory, EngineSelection Engine)
{
    /// <summary>The spec.</summary>
    /// <exception cref="EnvdException">It was written by an SDK of another kind.</exception>
    public EnvironmentSpec ReadSpec()
    {
        var spec = SpecFile.ReadEnvironment(System.IO.File.ReadAllBytes(State.Spec));
        return spec.LoweringVersion == EnvironmentSpec.CurrentLoweringVersion ? spec
            : throw new EnvdException(ErrorCodes.ProtocolMismatch, $"The project's SDK writes specs of version {spec.LoweringVersion}, and this command reads version {EnvironmentSpec.CurrentLoweringVersion}.",
                "Use Envd.Sdk and the envd command of one version: `dotnet tool update envd.tool`.");
    }

    /// <summary>The run spec.</summary>
    public RunSpec ReadRun() => SpecFile.ReadRun(System.IO.File.ReadAllBytes(State.Run));
}

/// <summary>Evaluates a project through `dotnet msbuild`, unless nothing that the last evaluation saw has changed.</summary>
internal sealed class ProjectEvaluator(IInteraction interaction)
{
    /// <summary>The project with its state folder up to date.</summary>
    /// <exception cref="EnvdException">MSBuild found errors; they have been shown.</exception>
    public async Task<EvaluatedProject> EvaluateAsync(string projectFile, IReadOnlyList<string> properties, CancellationToken cancellationToken)
    {
        var usual = new StateFolder(Path.Combine(Path.GetDirectoryName(projectFile)!, "obj", "envd"));
        if (properties.Count == 0 && EvaluationRecord.Read(usual.Evaluation) is { } record && record.Holds() && InputsAreUnchanged(record))
            return Project(projectFile, record.StateDirectory, record.ContextDirectory, record.EngineContext);

        // Read first: '<' in an attribute ends MSBuild before any check of ours, and its message does not say what to write.
        RawProject.Load(projectFile);
        var values = await RunMSBuildAsync(projectFile, properties, cancellationToken);
        var project = Project(projectFile, values["EnvdStateDirectory"], values["EnvdContextDirectory"], values["EnvdContext"]);
        if (properties.Count == 0 && EvaluationRecord.Of(projectFile, values["EnvdStateDirectory"], values["EnvdContextDirectory"], values["EnvdContext"], values["EnvdToolsDirectory"]) is { } next
            && File.Exists(project.State.ComposeStamp))
            next.Write(usual.Evaluation); // a lean project's state lies elsewhere, which only this record tells
        return project;
    }

    private static EvaluatedProject Project(string file, string state, string context, string engine) =>
        new(file, new StateFolder(Path.TrimEndingDirectorySeparator(state)), context, EngineSelection.Resolve(engine, Environment.GetEnvironmentVariable));

    private static bool InputsAreUnchanged(EvaluationRecord record)
    {
        try
        {
            var state = new StateFolder(Path.TrimEndingDirectorySeparator(record.StateDirectory));
            // A build with other properties writes the same folder: the specs must be those of the recorded evaluation.
            if (record.SpecDigest != ImageRecord.DigestOf(state.Spec) || record.RunDigest != ImageRecord.DigestOf(state.Run) || AtomicFile.ReadOrNull(state.Inputs) is not { } inputs)
                return false;
            var spec = SpecFile.ReadEnvironment(File.ReadAllBytes(state.Spec));
            var run = SpecFile.ReadRun(File.ReadAllBytes(state.Run));
            if (run.References.Count > 0)
                return false; // what other projects declare and hold is theirs to compose
            var folders = run.IndexContexts;
            return InputListing.List(record.ContextDirectory, spec.ContextPatterns, folders).AsSpan().SequenceEqual(inputs);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private async Task<IReadOnlyDictionary<string, string>> RunMSBuildAsync(string projectFile, IReadOnlyList<string> properties, CancellationToken cancellationToken)
    {
        var info = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Path.GetDirectoryName(projectFile),
        };
        foreach (var argument in (string[])["msbuild", projectFile, "-nologo", "-t:EnvdEmit",
            "-getProperty:EnvdStateDirectory,EnvdContextDirectory,EnvdContext,EnvdToolsDirectory", .. properties.Select(p => "-p:" + p)])
            info.ArgumentList.Add(argument);
        using var process = Start(info);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        string output;
        try
        {
            output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        foreach (var line in (await error).Split('\n').Where(l => l.Trim().Length > 0))
            interaction.Say(line.TrimEnd());
        var start = output.IndexOf('{', StringComparison.Ordinal);
        if (process.ExitCode != 0 || start < 0)
        {
            if (start != 0 && output.Trim().Length > 0)
                interaction.Say((start < 0 ? output : output[..start]).TrimEnd());
            throw new EnvdException(ErrorCodes.EvaluationFailed, $"MSBuild found errors in {Path.GetFileName(projectFile)}.", "They stand above.", new SourcePosition(projectFile, 0, 0));
        }
        if (output[..start].Trim() is { Length: > 0 } warnings)
            interaction.Say(warnings);
        using var json = JsonDocument.Parse(output[start..]);
        return json.RootElement.GetProperty("Properties").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString() ?? "", StringComparer.Ordinal);
    }

    private static Process Start(ProcessStartInfo info)
    {
        try
        {
            return Process.Start(info)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new EnvdException(ErrorCodes.EvaluationFailed, $"'{info.FileName}' cannot be run: {e.Message}", "Install the .NET SDK 10 and put `dotnet` on the PATH.", inner: e);
        }
    }
}
