using Envd.Core.Toml;

namespace Envd.Core.Tests;

/// <summary>Documents of the TOML 1.0 specification's own kinds.</summary>
[TestClass]
public sealed class TomlTests
{
    [TestMethod]
    public void Read_EveryKindOfValue()
    {
        var root = TomlDocument.Read(""""""
            # a comment
            title = "a \"quoted\" \u00e9\tword" # another
            literal = 'C:\x'
            "quoted key" = 1
            a.b.c = 0xFF
            whole = -1_000
            real = 6.5e-1
            yes = true
            when = 1979-05-27 07:32:00Z
            day = 1979-05-27
            list = [ "x", # why
              [1, 2], { p = 1, q.r = 'two' },
            ]
            text = """
            one
              two \
                 three"""""
            raw = '''
            a\b'''
            [table]
            key = 1
            [table.inner]
            key = 2
            [[many]]
            n = 1
            [[many]]
            n = 2
            [many.under]
            n = 3
            """""");
        Assert.AreEqual("a \"quoted\" é\tword", root.Text("title"));
        Assert.AreEqual("C:\\x", root.Text("literal"));
        Assert.AreEqual(1L, root["quoted key"]);
        Assert.AreEqual(255L, root.Table("a")!.Table("b")!["c"]);
        Assert.AreEqual(-1000L, root["whole"]);
        Assert.AreEqual(0.65, root["real"]);
        Assert.IsTrue((bool)root["yes"]);
        Assert.AreEqual("1979-05-27 07:32:00Z", root["when"]);
        Assert.AreEqual("two", ((TomlTable)root.List("list")[2]).Table("q")!.Text("r"));
        Assert.AreEqual("one\n  two three\"\"", root.Text("text"));
        Assert.AreEqual("a\\b", root.Text("raw"));
        Assert.AreEqual(2L, root.Table("table")!.Table("inner")!["key"]);
        Assert.AreEqual(3L, ((TomlTable)root.List("many")[1]).Table("under")!["n"]);
    }

    [TestMethod]
    [DataRow("a = 1\na = 2", 2, "twice")]
    [DataRow("[a]\n[a]", 2, "twice")]
    [DataRow("a = ", 1, "missing")]
    [DataRow("\n\na = \"x", 3, "does not end")]
    [DataRow("a = 1 b = 2", 1, "not expected")]
    [DataRow("a = [1", 1, "expected")]
    [DataRow("a = \"\\q\"", 1, "no escape")]
    [DataRow("a = nonsense", 1, "no value")]
    [DataRow("a = 1\na.b = 2", 2, "no table")]
    [DataRow("= 1", 1, "key")]
    public void Read_WhatIsNone_SaysWhere(string text, int line, string part)
    {
        var e = Assert.ThrowsExactly<TomlException>(() => TomlDocument.Read(text));
        Assert.AreEqual(line, e.Line);
        StringAssert.Contains(e.Message, part);
    }

    [TestMethod]
    public void Read_DeeplyNested_IsRefused() => Assert.ThrowsExactly<TomlException>(() => TomlDocument.Read("a = " + new string('[', 100_000)));
}
