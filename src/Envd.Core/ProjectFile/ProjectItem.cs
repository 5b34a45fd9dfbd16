namespace Envd.Core.ProjectFile;

/// <summary>An evaluated item, free of MSBuild's types.</summary>
/// <param name="Type">Such as <c>AptPackage</c>.</param>
/// <param name="Include">Its name, unescaped.</param>
/// <param name="DefiningFile">The file that declared it; empty for items made in targets.</param>
/// <param name="EscapedMetadata">Metadata as MSBuild holds them, <c>%hh</c> not undone; names without regard to case.</param>
public sealed record ProjectItem(string Type, string Include, string DefiningFile, IReadOnlyDictionary<string, string> EscapedMetadata)
{
    /// <summary>A metadata for everything but shell text and addresses; empty where it is not set.</summary>
    public string this[string name] => MSBuildText.Unescape(EscapedMetadata.GetValueOrDefault(name, "")).Trim();

    /// <summary>A metadata that is shell text: only what MSBuild forces one to escape is undone, so that <c>%ba</c> in a printf survives.</summary>
    public string ShellText(string name) => MSBuildText.UnescapeSpecial(EscapedMetadata.GetValueOrDefault(name, ""));

    /// <summary>A metadata that is an address: its own percent escapes stay.</summary>
    public string Address(string name) => EscapedMetadata.GetValueOrDefault(name, "").Trim();

    /// <summary>A list, split at <c>;</c> before <c>%3B</c> is undone; empty parts are dropped.</summary>
    public IReadOnlyList<string> List(string name) =>
        [.. EscapedMetadata.GetValueOrDefault(name, "").Split(';').Select(p => MSBuildText.Unescape(p).Trim()).Where(p => p.Length > 0)];

    /// <summary>The name under which positions are kept.</summary>
    public string Origin => Type == "Step" && this["Stage"] is { Length: > 0 } stage ? $"Step:{stage}/{Include}" : $"{Type}:{Include}";
}
