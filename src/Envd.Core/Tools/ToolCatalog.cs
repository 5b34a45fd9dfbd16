using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Envd.Core.Tools;

/// <summary>A tool that its publisher offers as an archive or a program for download.</summary>
public sealed record Tool
{
    /// <summary>What is taken where a project names no version.</summary>
    public required string Version { get; set; }

    /// <summary>The address, with <c>{version}</c>, <c>{minor}</c>, <c>{architecture}</c> and <c>{folder}</c> in it.</summary>
    public required string Url { get; set; }

    /// <summary>The address of the publisher's own file of checksums; empty where there is none.</summary>
    public string Checksums { get; set; } = "";

    /// <summary>The publisher's word for each architecture; empty where one file serves all.</summary>
    public IReadOnlyDictionary<string, string> Architectures { get; set; } = new Dictionary<string, string>();

    /// <summary>Another such word, of a folder in the address.</summary>
    public IReadOnlyDictionary<string, string> Folders { get; set; } = new Dictionary<string, string>();

    /// <summary>The checksum of <see cref="Version"/> by architecture, or under <c>any</c>.</summary>
    public IReadOnlyDictionary<string, string> Sha256 { get; set; } = new Dictionary<string, string>();

    /// <summary>Leading folders of the archive that are dropped.</summary>
    public int Strip { get; set; }

    /// <summary>The name of the program where the download is the program, or holds it at its top; empty where it is a tree of its own.</summary>
    public string Program { get; set; } = "";

    /// <summary>The folder of the tree that goes on PATH.</summary>
    public string Path { get; set; } = "bin";

    /// <summary>What is downloaded for a version, empty for <see cref="Version"/>, and an architecture such as <c>amd64</c>.</summary>
    public ToolDownload At(string version, string architecture)
    {
        var wanted = version.Length > 0 ? version : Version;
        var sum = wanted == Version ? Sha256.GetValueOrDefault(architecture, Sha256.GetValueOrDefault("any", "")) : "";
        return new ToolDownload(Fill(Url), sum.Length > 0 ? "sha256:" + sum : "", sum.Length > 0 ? "" : Fill(Checksums));

        string Fill(string text) => text.Replace("{version}", wanted, StringComparison.Ordinal)
            .Replace("{minor}", string.Join('.', wanted.Split('.').Take(2)), StringComparison.Ordinal)
            .Replace("{architecture}", Architectures.GetValueOrDefault(architecture, ""), StringComparison.Ordinal)
            .Replace("{folder}", Folders.GetValueOrDefault(architecture, ""), StringComparison.Ordinal);
    }
}

/// <summary>A download of a tool.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Checksum"><c>sha256:…</c> where it is known beforehand.</param>
/// <param name="ChecksumsUrl">The publisher's file of checksums, else; empty where there is none.</param>
public sealed record ToolDownload(string Url, string Checksum, string ChecksumsUrl);

/// <summary>Versions, addresses and checksums of tools: tools.json, which eng/refresh-tools.sh refreshes.</summary>
public static class ToolCatalog
{
    private static readonly Lazy<IReadOnlyDictionary<string, Tool>> All = new(Read);

    /// <summary>Tools by name.</summary>
    public static IReadOnlyDictionary<string, Tool> Tools => All.Value;

    private static IReadOnlyDictionary<string, Tool> Read()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("tools.json")!;
        return JsonSerializer.Deserialize(stream, ToolJson.Default.DictionaryStringTool)!;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Dictionary<string, Tool>))]
internal sealed partial class ToolJson : JsonSerializerContext;
