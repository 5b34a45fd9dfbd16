using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Envd.Core.Diagnostics;
using Envd.Core.Locks;
using Envd.Core.ProjectFile;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Runtime.Environments;

namespace Envd.Tool.Projects;

/// <summary>An evaluated project, and all that its evaluation depended on: while nothing of that changes, MSBuild need not be asked again.</summary>
internal sealed partial record EvaluationRecord
{
    // The properties that the SDK reads: an environment variable of such a name sets one.
    private static readonly string[] SdkPrefixes = ["ENVD", "CONTAINER", "CUSTOMBEFOREENVD", "CUSTOMAFTERENVD", "DIRECTORYBUILD"];

    private static readonly string[] SdkNames =
        ["BASEINTERMEDIATEOUTPUTPATH", "CI", "CONFIGURATION", "CONTINUOUSINTEGRATIONBUILD", "DOTNET_HOST_PATH", "IMPORTDIRECTORYBUILDPROPS", "IMPORTDIRECTORYBUILDTARGETS", "MSBUILDPROJECTEXTENSIONSPATH", "XDG_CONFIG_HOME"];

    private static readonly string[] AncestorFiles = ["Directory.Build.props", "Directory.Build.targets", "global.json", "nuget.config", "NuGet.Config", "NuGet.config"];

    // As Envd.Sdk.targets looks for it; a project that names another is asked each time.
    private static string UserFile => Environment.GetEnvironmentVariable("EnvdUserProps") is { Length: > 0 } named ? named
        : Path.Combine(HostState.Base("XDG_CONFIG_HOME", ".config"), "envd", "user.props");

    /// <summary>The folder of env.spec.json.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>The folder that steps copy from.</summary>
    public required string ContextDirectory { get; init; }

    /// <summary>EnvdContext.</summary>
    public required string EngineContext { get; init; }

    /// <summary>Of env.spec.json as this evaluation left it.</summary>
    public required string SpecDigest { get; init; }

    /// <summary>Of env.run.json as this evaluation left it.</summary>
    public required string RunDigest { get; init; }

    /// <summary>Files read, and files looked for and absent, each with what a stat said.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Names of environment variables that may have become properties.</summary>
    public required IReadOnlyList<string> Variables { get; init; }

    /// <summary>A digest of their values.</summary>
    public required string VariablesDigest { get; init; }

    /// <summary>Whether everything is as it was.</summary>
    public bool Holds() => VariablesDigest == DigestOf(Variables) && Files.All(f => Describe(f[(f.IndexOf('|', StringComparison.Ordinal) + 1)..]) == f);

    /// <summary>Reads a record; null where there is none.</summary>
    public static EvaluationRecord? Read(string path)
    {
        try
        {
            return AtomicFile.ReadOrNull(path) is { } bytes ? JsonSerializer.Deserialize(bytes, EvaluationJson.Default.EvaluationRecord) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the record.</summary>
    public void Write(string path) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, EvaluationJson.Default.EvaluationRecord));

    /// <summary>
    /// Records an evaluation; null where the project depends on more than can be seen in its text: files that it reads or asks for, patterns, imports by an expression.
    /// </summary>
    public static EvaluationRecord? Of(string projectFile, string stateDirectory, string contextDirectory, string engineContext, string toolsDirectory)
    {
        var files = new List<string>();
        var names = new SortedSet<string>(SdkNames, StringComparer.Ordinal);
        var pending = new Queue<string>([projectFile, UserFile]);
        for (var folder = Path.GetDirectoryName(projectFile); folder is not null; folder = Path.GetDirectoryName(folder))
            foreach (var name in AncestorFiles)
            {
                var path = Path.Combine(folder, name);
                if (name.EndsWith(".props", StringComparison.Ordinal) || name.EndsWith(".targets", StringComparison.Ordinal))
                    pending.Enqueue(path);
                else
                    files.Add(path);
            }
        // The SDK itself: a package of another version lies elsewhere, one made again has another time.
        files.Add(Path.Combine(toolsDirectory, "Envd.Tasks.dll"));
        while (pending.TryDequeue(out var path))
        {
            if (files.Contains(path))
                continue;
            files.Add(path);
            if (!File.Exists(path))
                continue;
            var text = File.ReadAllText(path);
            if (DependsOnMore(text) || Imports(path) is not { } imports)
                return null;
            foreach (var import in imports)
                pending.Enqueue(import);
            names.UnionWith(PropertyReference().Matches(text).Select(m => m.Groups[1].Value.ToUpperInvariant()));
        }
        var state = new StateFolder(Path.TrimEndingDirectorySeparator(stateDirectory));
        var locks = LockFiles.Of(projectFile, SpecFile.ReadRun(File.ReadAllBytes(state.Run)).Variant);
        files.AddRange([locks.Python, locks.System]);
        return new EvaluationRecord
        {
            SpecDigest = ImageRecord.DigestOf(state.Spec),
            RunDigest = ImageRecord.DigestOf(state.Run),
            StateDirectory = stateDirectory,
            ContextDirectory = contextDirectory,
            EngineContext = engineContext,
            Files = [.. files.Select(Describe)],
            Variables = [.. names],
            VariablesDigest = DigestOf([.. names]),
        };
    }

    private static bool DependsOnMore(string text) =>
        text.Contains("$([System.IO", StringComparison.Ordinal) || text.Contains("EnvdUserProps", StringComparison.OrdinalIgnoreCase) || text.Contains("Exists(", StringComparison.OrdinalIgnoreCase) || text.Contains("$([System.DateTime", StringComparison.Ordinal)
        || text.Contains("$([System.Environment", StringComparison.Ordinal) || WildcardInclude().IsMatch(text);

    private static List<string>? Imports(string path)
    {
        var result = new List<string>();
        var folder = Path.GetDirectoryName(path)! + Path.DirectorySeparatorChar;
        try
        {
            foreach (var import in RawProject.Load(path).Imports)
            {
                var expanded = import.Replace("$(MSBuildThisFileDirectory)", folder, StringComparison.OrdinalIgnoreCase);
                if (expanded.Contains("GetPathOfFileAbove", StringComparison.Ordinal))
                    continue; // the ancestors' files are all watched
                if (expanded.AsSpan().IndexOfAny("$@%*?") >= 0)
                    return null;
                result.Add(Path.GetFullPath(Path.Combine(folder, expanded)));
            }
        }
        catch (EnvdException)
        {
            return null;
        }
        return result;
    }

    private static string Describe(string path)
    {
        var info = new FileInfo(path);
        return info.Exists ? $"{info.Length}:{info.LastWriteTimeUtc.Ticks}|{path}" : $"absent|{path}";
    }

    private static string DigestOf(IReadOnlyList<string> names)
    {
        var wanted = names.ToHashSet(StringComparer.Ordinal);
        var found = new List<string>();
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            // MSBuild's properties know no case, so a variable of any case sets one.
            var name = ((string)entry.Key).ToUpperInvariant();
            if (wanted.Contains(name) || Array.Exists(SdkPrefixes, p => name.StartsWith(p, StringComparison.Ordinal)))
                found.Add($"{entry.Key}={entry.Value}");
        }
        found.Sort(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', found))));
    }

    [GeneratedRegex(@"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", RegexOptions.CultureInvariant)]
    private static partial Regex PropertyReference();

    [GeneratedRegex(@"(Include|Exclude|Update|Remove)\s*=\s*(""[^""]*[*?][^""]*""|'[^']*[*?][^']*')", RegexOptions.CultureInvariant)]
    private static partial Regex WildcardInclude();
}

[JsonSerializable(typeof(EvaluationRecord))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
