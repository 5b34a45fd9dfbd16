using System.Text.Json;
using System.Text.Json.Serialization;
using Envd.Core.Diagnostics;
using Envd.Core.StateFiles;

namespace Envd.Tool.Modules;

/// <summary>A module that was copied from a git repository.</summary>
/// <param name="Name">Of its folder below <c>modules</c>.</param>
/// <param name="Url">The repository.</param>
/// <param name="Ref">The branch or tag that is followed; empty is the default branch.</param>
/// <param name="Path">The folder of the repository; empty is all of it.</param>
/// <param name="Commit">What was copied.</param>
/// <param name="Content">A digest of the files, which tells whether they were edited here.</param>
public sealed record Module(string Name, string Url, string Ref, string Path, string Commit, string Content);

/// <summary>envd.modules.json beside the project: where its modules come from. It belongs into version control, as the modules do.</summary>
public static class ModuleLock
{
    /// <summary>Its name.</summary>
    public const string FileName = "envd.modules.json";

    /// <summary>Modules by name; none where there is no file.</summary>
    /// <exception cref="EnvdException">It is no such file.</exception>
    public static SortedDictionary<string, Module> Read(string projectFolder)
    {
        var path = System.IO.Path.Combine(projectFolder, FileName);
        try
        {
            var modules = AtomicFile.ReadOrNull(path) is { } bytes ? JsonSerializer.Deserialize(bytes, ModuleJson.Default.ModuleArray) ?? [] : [];
            return new SortedDictionary<string, Module>(modules.ToDictionary(m => m.Name), StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new EnvdException(ErrorCodes.ModuleFailed, $"{FileName} cannot be read: {e.Message}", "Restore it from version control, or delete it and add the modules again.", new SourcePosition(path, 0, 0));
        }
    }

    /// <summary>Writes the file.</summary>
    public static void Write(string projectFolder, IReadOnlyDictionary<string, Module> modules) =>
        AtomicFile.Write(System.IO.Path.Combine(projectFolder, FileName), [.. JsonSerializer.SerializeToUtf8Bytes([.. modules.Values], ModuleJson.Default.ModuleArray), (byte)'\n']);
}

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Module[]))]
internal sealed partial class ModuleJson : JsonSerializerContext;
