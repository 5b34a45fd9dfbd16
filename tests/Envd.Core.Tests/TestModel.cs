using System.Xml.Linq;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;
using Envd.Core.Spec;

namespace Envd.Core.Tests;

/// <summary>Makes a model from a project's text, as MSBuild would for text without properties, conditions and globs.</summary>
internal sealed class TestModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TestModel(string body, params (string Name, string Value)[] properties)
    {
        File = _folder.Write("demo.csproj", $"<Project Sdk=\"Envd.Sdk/1.0.0\">\n{body}\n</Project>\n");
        Properties = properties.ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        Properties.TryAdd("ContainerBaseImage", "debian:trixie");
        Properties.TryAdd("EnvdPlatform", "linux/amd64");
    }

    public string File { get; }

    public Dictionary<string, string> Properties { get; }

    /// <summary>The items of a person's own file; empty for none.</summary>
    public string Personal { get; init; } = "";

    public string Folder => _folder.Path;

    public DiagnosticBag Diagnostics { get; } = new();

    public string Write(string relative, string text) => _folder.Write(relative, text);

    public ProjectModel ToModel()
    {
        var items = new List<ProjectItem>();
        var userFile = Personal.Length == 0 ? "" : Write("user.props", $"<Project>\n{Personal}\n</Project>\n");
        foreach (var (file, element) in new[] { File, userFile }.Where(f => f.Length > 0).SelectMany(f => XDocument.Load(f).Descendants("ItemGroup").Elements().Select(e => (f, e))))
            foreach (var include in element.Attribute("Include")!.Value.Split(';').Select(i => i.Trim()).Where(i => i.Length > 0 && i.AsSpan().IndexOfAny("*?") < 0))
                items.Add(new ProjectItem(element.Name.LocalName, Uri.UnescapeDataString(include), file, element.Attributes().Where(a => a.Name != "Include")
                    .ToDictionary(a => a.Name.LocalName, a => a.Value, StringComparer.OrdinalIgnoreCase)));
        return new ProjectModel { ProjectFile = File, ContextDirectory = Folder, Items = items, Properties = Properties, UserFile = userFile };
    }

    public SpecResult? Build() => SpecBuilder.Build(ToModel(), Diagnostics);

    public SpecResult BuildOrFail(params ReferencedProject[] references) =>
        SpecBuilder.Build(ToModel() with { References = references }, Diagnostics) ?? throw new AssertFailedException(string.Join('\n', Diagnostics.Items.Select(d => $"{d.Position} {d.Code} {d.Text}")));

    public void Dispose() => _folder.Dispose();
}
