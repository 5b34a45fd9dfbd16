using Envd.Core.Engines;
using Envd.Core.Graph;
using Envd.Core.Services;
using Envd.Core.Spec;
using Envd.Llb;

namespace Envd.Core.Tests;

[TestClass]
public sealed class SmallFormTests
{
    [TestMethod]
    [DataRow("2.8.0", "==2.8.0")]
    [DataRow("2.8.*", "==2.8.*")]
    [DataRow("~=2.8", "~=2.8")]
    [DataRow("[2.6,3)", ">=2.6,<3")]
    [DataRow("(2.6,3]", ">2.6,<=3")]
    [DataRow("[,3)", "<3")]
    [DataRow("[1.0]", "==1.0")]
    [DataRow(">=1, !=1.5", ">=1,!=1.5")]
    [DataRow("1!2.0+cu128", "==1!2.0+cu128")]
    [DataRow("", "")]
    public void VersionSpecifier_KnownForm_IsPep440(string text, string expected)
    {
        Assert.IsTrue(VersionSpecifier.TryParse(text, out var specifier));
        Assert.AreEqual(expected, specifier);
    }

    [TestMethod]
    [DataRow("latest")]
    [DataRow("[1,2")]
    [DataRow("(1)")]
    [DataRow("[,]")]
    [DataRow("1; import os")]
    [DataRow("=1")]
    public void VersionSpecifier_AnythingElse_IsRefused(string text) => Assert.IsFalse(VersionSpecifier.TryParse(text, out _));

    [TestMethod]
    [DataRow("ubuntu", "docker.io/library/ubuntu:latest")]
    [DataRow("me/x:1", "docker.io/me/x:1")]
    [DataRow("ghcr.io/a/b", "ghcr.io/a/b:latest")]
    [DataRow("localhost/a:1", "localhost/a:1")]
    [DataRow("reg:5000/a", "reg:5000/a:latest")]
    public void QualifyImage_ShortName_IsDockersOwn(string text, string expected) => Assert.AreEqual(expected, Names.QualifyImage(text));

    [TestMethod]
    public void CommandWords_ShellsQuotes_NothingElse()
    {
        Assert.IsTrue(CommandWords.TrySplit("""a 'b  c' "d \"e\" $x" f\ g '' ; | $(h)""", out var words));
        CollectionAssert.AreEqual(new[] { "a", "b  c", "d \"e\" $x", "f g", "", ";", "|", "$(h)" }, words.ToArray());
        Assert.IsFalse(CommandWords.TrySplit("a 'b", out _));
    }

    [TestMethod]
    [DataRow("a b", "\"a b\"")]
    [DataRow("\"\\\n\t$x ${y} { } #", "\"\\\"\\\\\\n\\t$x ${y} { } #\"")]
    public void ExeclineWord_AnyText_IsOneWord(string text, string expected) => Assert.AreEqual(expected, ServiceFiles.Word(text));

    [TestMethod]
    [DataRow("/lib/x", "/usr/lib/x")]
    [DataRow("/lib", "/usr/lib")]
    [DataRow("/library/x", "/library/x")]
    [DataRow("/var/run/x", "/run/x")]
    [DataRow("/var/lock/x", "/run/lock/x")]
    [DataRow("/usr/bin/x", "/usr/bin/x")]
    public void AvoidLinks_PathBehindADistributionsLink_IsTheTarget(string path, string expected) => Assert.AreEqual(expected, Planner.AvoidLinks(path));

    [TestMethod]
    [DataRow("**", "a/b", true)]
    [DataRow("data/**", "data/x/y", true)]
    [DataRow("data/**", "data", false)]
    [DataRow("data", "data/x", true)]
    [DataRow("**/*.py", "a/b/c.py", true)]
    [DataRow("**/*.py", "c.py", true)]
    [DataRow("*.py", "a/c.py", false)]
    [DataRow("a/*/c", "a/b/c/d", true)]
    [DataRow("a?c", "abc", true)]
    [DataRow("[a-c]x", "bx", true)]
    [DataRow("[^a-c]x", "bx", false)]
    [DataRow("\\*x", "*x", true)]
    [DataRow("/a/./b/../c", "a/c", true)]
    public void PatternSet_Dockerignore_Matches(string pattern, string path, bool expected) => Assert.AreEqual(expected, new PatternSet([pattern]).Matches(path));

    [TestMethod]
    public void PatternSet_Exception_LastMatchWins()
    {
        var set = new PatternSet(["# comment", "", "data", "!data/kept", "data/kept/not"]);
        Assert.IsTrue(set.Matches("data/x"));
        Assert.IsFalse(set.Matches("data/kept/x"));
        Assert.IsTrue(set.Matches("data/kept/not"));
    }

    [TestMethod]
    public void EngineSelection_FollowsDockersOrder()
    {
        using var folder = new TemporaryFolder();
        var variables = new Dictionary<string, string> { ["DOCKER_CONFIG"] = folder.Path };
        Assert.AreEqual("unix:///var/run/docker.sock", Resolve().Address);
        folder.Write("config.json", """{"currentContext":"far"}""");
        folder.Write($"contexts/meta/{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("far"u8))}/meta.json", """{"Endpoints":{"docker":{"Host":"tcp://far:2375"}}}""");
        Assert.AreEqual("tcp://far:2375", Resolve().Address);
        variables["DOCKER_CONTEXT"] = "default";
        Assert.AreEqual("unix:///var/run/docker.sock", Resolve().Address);
        variables["DOCKER_HOST"] = "unix:///x.sock";
        Assert.AreEqual("unix:///x.sock", Resolve().Address);
        variables["BUILDKIT_HOST"] = "tcp://b:1234";
        Assert.IsTrue(Resolve().IsBuildKit);
        Assert.AreEqual("tcp://choice:1", EngineSelection.Resolve("tcp://choice:1", variables.GetValueOrDefault).Address);
        Assert.ThrowsExactly<Diagnostics.EnvdException>(() => EngineSelection.Resolve("unknown", variables.GetValueOrDefault));

        EngineSelection Resolve() => EngineSelection.Resolve("", variables.GetValueOrDefault);
    }
}
