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

    [TestMethod]
    public void Parity_NamesTestsThatAreThere()
    {
        var tests = Directory.GetFiles(Path.Combine(Repository(), "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .SelectMany(f => Regex.Matches(File.ReadAllText(f), @"public (?:async [\w.]*Task|void) (\w+)\(").Select(m => m.Groups[1].Value)).ToList();
        var rows = File.ReadAllLines(Path.Combine(Repository(), "docs/parity.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).ToList();
        Assert.IsNotEmpty(rows);
        foreach (var row in rows)
        {
            var shown = Regex.Matches(row.Split(" | ")[^1], "`([A-Za-z]+_?\\w*)…?`").Select(m => m.Groups[1].Value).ToList();
            Assert.IsNotEmpty(shown, row);
            foreach (var name in shown)
                Assert.IsTrue(tests.Any(t => t.StartsWith(name, StringComparison.Ordinal)), $"no test {name}: {row}");
        }
    }
}
