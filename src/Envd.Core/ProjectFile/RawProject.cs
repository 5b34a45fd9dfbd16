using System.Xml;
using System.Xml.Linq;
using Envd.Core.Diagnostics;

namespace Envd.Core.ProjectFile;

/// <summary>An item as it stands in a file: MSBuild keeps neither places nor the text before expansion, so both are read again.</summary>
/// <param name="Type">The element's name.</param>
/// <param name="Include">The raw text of Include; empty for Update and Remove.</param>
/// <param name="Position">Of the element.</param>
/// <param name="Metadata">Attributes and child elements, raw, with the place of each.</param>
public sealed record RawItem(string Type, string Include, SourcePosition Position, IReadOnlyList<RawMetadata> Metadata)
{
    /// <summary>The place of a metadata, or of the item.</summary>
    public SourcePosition PositionOf(string metadata) =>
        Metadata.FirstOrDefault(m => m.Name.Equals(metadata, StringComparison.OrdinalIgnoreCase))?.Position ?? Position;
}

/// <summary>A metadata as it stands in a file.</summary>
/// <param name="Name">As written.</param>
/// <param name="Value">As written, entities resolved.</param>
/// <param name="Position">Where.</param>
/// <param name="IsAttribute">False for a child element.</param>
public sealed record RawMetadata(string Name, string Value, SourcePosition Position, bool IsAttribute);

/// <summary>The items of one file.</summary>
public sealed class RawProject
{
    private RawProject(IReadOnlyList<RawItem> items, IReadOnlyDictionary<string, SourcePosition> properties, IReadOnlyList<string> imports)
    {
        Items = items;
        Properties = properties;
        Imports = imports;
    }

    /// <summary>Items of known types, in order.</summary>
    public IReadOnlyList<RawItem> Items { get; }

    /// <summary>Where each property is set last.</summary>
    public IReadOnlyDictionary<string, SourcePosition> Properties { get; }

    /// <summary>The raw texts of Import elements.</summary>
    public IReadOnlyList<string> Imports { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="EnvdException">It is not XML.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static RawProject Load(string path)
    {
        XDocument document;
        try
        {
            using var reader = XmlReader.Create(path, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
            document = XDocument.Load(reader, LoadOptions.SetLineInfo | LoadOptions.PreserveWhitespace);
        }
        catch (XmlException e)
        {
            var hint = e.Message.Contains("'<'", StringComparison.Ordinal)
                ? "'<' cannot stand in an attribute: write a version as [2.6,3), or the character as &lt;."
                : "";
            throw new EnvdException(ErrorCodes.NotXml, $"The project file is not XML: {e.Message}", hint,
                new SourcePosition(path, e.LineNumber, e.LinePosition), e);
        }
        var items = new List<RawItem>();
        foreach (var element in document.Descendants())
            if (element.Parent?.Name.LocalName is "ItemGroup" && ItemCatalog.Items.ContainsKey(element.Name.LocalName))
                items.Add(ReadItem(path, element));
        var properties = new Dictionary<string, SourcePosition>(StringComparer.OrdinalIgnoreCase);
        foreach (var element in document.Descendants().Where(e => e.Parent?.Name.LocalName == "PropertyGroup"))
            properties[element.Name.LocalName] = PositionOf(path, element);
        return new RawProject(items, properties,
            [.. document.Descendants().Where(e => e.Name.LocalName == "Import").Select(e => e.Attribute("Project")?.Value ?? "")]);
    }

    private static RawItem ReadItem(string path, XElement element)
    {
        var metadata = new List<RawMetadata>();
        foreach (var attribute in element.Attributes())
            if (!ItemCatalog.IsStructural(attribute.Name.LocalName))
                metadata.Add(new RawMetadata(attribute.Name.LocalName, attribute.Value, PositionOf(path, attribute), true));
        foreach (var child in element.Elements())
            metadata.Add(new RawMetadata(child.Name.LocalName, child.Value, PositionOf(path, child), false));
        return new RawItem(element.Name.LocalName, element.Attribute("Include")?.Value ?? "", PositionOf(path, element), metadata);
    }

    private static SourcePosition PositionOf(string path, IXmlLineInfo node) => new(path, node.LineNumber, node.LinePosition);
}
