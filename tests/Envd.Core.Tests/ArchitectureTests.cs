using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Envd.Core.Diagnostics;

namespace Envd.Core.Tests;

[TestClass]
public sealed class ArchitectureTests
{
    private static string Repository([CallerFilePath] string source = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "../.."));

    [TestMethod]
    [DataRow("Envd.Llb", "")]
    [DataRow("Envd.Core", "Envd.Llb")]
    [DataRow("Envd.BuildKit", "Envd.Llb")]
    [DataRow("Envd.Tasks", "Envd.Core Envd.Llb")]
    [DataRow("Envd.Runtime", "Envd.BuildKit Envd.Core Envd.Llb")]
    [DataRow("envd", "Envd.BuildKit Envd.Core Envd.Llb Envd.Runtime")]
    public void Assembly_References_OnlyWhatItsPlaceAllows(string name, string allowed)
    {
        var references = Assembly.Load(name).GetReferencedAssemblies().Select(a => a.Name!).Where(a => a.StartsWith("Envd.", StringComparison.Ordinal));
        Assert.IsEmpty(references.Except(allowed.Split(' ')));
    }

    [TestMethod]
    public void Core_KnowsNoEngineProcessOrConsole()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Repository(), "src/Envd.Core"), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal)))
            Assert.IsFalse(Regex.IsMatch(File.ReadAllText(file), @"\b(Process\.Start|Console\.|HttpClient|Socket)\b"), file);
    }

    [TestMethod]
    public void ErrorCodes_AreUniqueAndDocumented()
    {
        var codes = typeof(ErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!).ToList();
        CollectionAssert.AllItemsAreUnique(codes);
        var page = File.ReadAllText(Path.Combine(Repository(), "docs/errors.md"));
        Assert.IsEmpty(codes.Where(c => !page.Contains($"## {c}", StringComparison.Ordinal)), "codes without a page");
    }

    [TestMethod]
    public void ItemCatalog_IsDocumented()
    {
        var page = File.ReadAllText(Path.Combine(Repository(), "docs/project-file.md"));
        foreach (var (item, metadata) in ProjectFile.ItemCatalog.Items)
        {
            StringAssert.Contains(page, $"### {item}", item);
            foreach (var name in metadata)
                StringAssert.Contains(page, $"`{name}`", $"{item} {name}");
        }
    }
}
