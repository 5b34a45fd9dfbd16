using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Spec;

namespace Envd.Core.Tests;

[TestClass]
public sealed class SpecBuilderTests
{
    [TestMethod]
    // The raw text alone shows what MSBuild drops.
    [DataRow("""<PythonPackage Include="torch==2.*" />""", "ENVD1001", 3, 4, "Include=\"torch\" Version=\"2.*\"")]
    [DataRow("""<AptPackage Include="git;libtinfo*" />""", "ENVD1001", 3, 4, "libtinfo*")]
    [DataRow("""<PythonPackage Include="torch==2.8" />""", "ENVD1002", 3, 4, "Include=\"torch\" Version=\"2.8\"")]
    [DataRow("""<PythonPackage Include="torch" Version="newest" />""", "ENVD1007", 3, 34, "2.8.*")]
    [DataRow("""<AptPackage Include="git" Version="[1,2)" />""", "ENVD1007", 3, 29, "no ranges")]
    [DataRow("""<AptPackage Include="git" Label="x" />""", "ENVD1004", 3, 29, "Label")]
    [DataRow("""<AptPackage Include="git" Verison="1" />""", "ENVD1005", 3, 29, "Did you mean 'Version'?")]
    [DataRow("""<AptPackage Include="-oDPkg::Pre-Invoke::=/usr/bin/id" />""", "ENVD1006", 3, 4, "option")]
    [DataRow("""<AptPackage Include="file$(touch x)" />""", "ENVD1006", 3, 4, "file$(touch x)")]
    [DataRow("""<PythonPackage Include="a b" />""", "ENVD1006", 3, 4, "PEP 508")]
    [DataRow("""<AptPackage Include="git%0Aevil" />""", "ENVD1006", 3, 4, "git␣evil")]
    [DataRow("""<PythonRequirements Include="none.txt" />""", "ENVD1008", 3, 4, "none.txt")]
    [DataRow("""<PythonRequirements Include="../other.txt" />""", "ENVD1007", 3, 4, "EnvdContextDirectory")]
    [DataRow("""<PythonIndex Include="x" Url="https://me:secret@example.org/simple" />""", "ENVD1012", 3, 28, "user name or password")]
    [DataRow("""<PythonIndex Include="x" Url="nowhere" />""", "ENVD1008", 3, 28, "nowhere")]
    [DataRow("""<Language Include="pyhton" />""", "ENVD1011", 3, 4, "Did you mean 'python'?")]
    [DataRow("""<Language Include="jula" />""", "ENVD1011", 3, 4, "julia")]
    [DataRow("""<Language Include="julia" Version="1.10" />""", "ENVD1007", 3, 29, "no release")]
    [DataRow("""<Language Include="go" Checksum="sha256:00" />""", "ENVD1007", 3, 26, "none")]
    [DataRow("""<NpmPackage Include="Up;--global" />""", "ENVD1006", 3, 4, "Up")]
    [DataRow("""<RPackage Include="dplyr;system('x')" />""", "ENVD1006", 3, 4, "system")]
    [DataRow("""<JuliaPackage Include="Plots" Url="file:///x" />""", "ENVD1007", 3, 33, "no address")]
    [DataRow("""<CondaPackage Include="numpy" Build="a b" />""", "ENVD1007", 3, 33, "no build")]
    [DataRow("""<CondaPackage Include="numpy" Channel="--offline" />""", "ENVD1007", 3, 33, "no channel")]
    [DataRow("""<CondaChannel Include="a b" />""", "ENVD1007", 3, 4, "neither")]
    [DataRow("""<CondaEnvironmentFile Include="missing.yml" />""", "ENVD1008", 3, 4, "missing.yml")]
    [DataRow("""<VSCodeExtension Include="python" Version="1.0" />""", "ENVD1006", 3, 4, "publisher.name")]
    [DataRow("""<VSCodeExtension Include="ms.python" />""", "ENVD1009", 3, 4, "no Version")]
    [DataRow("""<AptPackage Include="gcc" Stage="kernel" />""", "ENVD2001", 3, 29, "which nothing declares")]
    [DataRow("""<PythonIndex Include="pypi" Url="https://x.example/simple" Packages="acme-*" />""", "ENVD1009", 3, 62, "default")]
    [DataRow("""<Dataset Include="d" Source="s3://x/y" TargetPath="/d" />""", "ENVD1007", 3, 24, "not available")]
    [DataRow("""<Service Include="s" Command="a" StandardOutput="relative" />""", "ENVD1007", 3, 36, "Write a file")]
    [DataRow("""<PythonWheel Include="x.whl" />""", "ENVD1008", 3, 4, "x.whl")]
    [DataRow("""<Stage Include="nodejs" />""", "ENVD1006", 3, 4, "managed part")]
    [DataRow("""<Service Include="jupyterlb" />""", "ENVD1011", 3, 4, "Did you mean 'jupyterlab'?")]
    [DataRow("""<Service Include="jupyterlab" Token="abc123" />""", "ENVD1012", 3, 33, "env:NAME")]
    [DataRow("""<Service Include="web" Command="run" Port="99999" />""", "ENVD1007", 3, 40, "65535")]
    [DataRow("""<Service Include="web" Command="run 'x" />""", "ENVD1007", 3, 26, "quote")]
    [DataRow("""<Service Include="web" Command="run" DependsOn="db" />""", "ENVD1011", 3, 40, "db")]
    [DataRow("""<Service Include="web" Command="echo $(pwd)" />""", "ENVD1003", 3, 26, "%24(pwd)")]
    [DataRow("""<Step Include="x" Run="echo $(uname -m)" />""", "ENVD1003", 3, 21, "%24(uname -m)")]
    [DataRow("""<Step Include="x" Run="echo $(HOME)" />""", "ENVD1003", 3, 21, "the machine that builds")]
    [DataRow("""<Step Include="x" Run="echo @(Thing)" />""", "ENVD1003", 3, 21, "%40(Thing)")]
    [DataRow("""<Step Include="a b" Run="true" />""", "ENVD1006", 3, 4, "Title")]
    [DataRow("""<Step Include="x" Run="true" Script="y.sh" />""", "ENVD1009", 3, 4, "exactly one")]
    [DataRow("""<Step Include="x" Script="y.sh" />""", "ENVD1008", 3, 21, "y.sh")]
    [DataRow("""<Step Include="x" Copy="../secret" TargetPath="/x" />""", "ENVD1007", 3, 21, "out of the project")]
    [DataRow("""<Step Include="x" Copy="none.txt" TargetPath="/x" />""", "ENVD1008", 3, 21, "none.txt")]
    [DataRow("""<Step Include="x" Copy="*.txt" TargetPath="x" />""", "ENVD1007", 3, 34, "absolute")]
    [DataRow("""<Step Include="x" Run="true" Stage="kernel" /><Stage Include="kernels" AddToImage="true" />""", "ENVD2001", 3, 32, "Did you mean 'kernels'?")]
    [DataRow("""<Stage Include="s" From="basee" AddToImage="true" />""", "ENVD2001", 3, 22, "Did you mean 'base'?")]
    [DataRow("""<Stage Include="system" />""", "ENVD1006", 3, 4, "managed part")]
    [DataRow("""<ContainerEnvironmentVariable Include="A-B" Value="x" />""", "ENVD1006", 3, 4, "variable's name")]
    [DataRow("""<ContainerPort Include="http" />""", "ENVD1007", 3, 4, "65535")]
    [DataRow("""<Mount Include="data" Source="." />""", "ENVD1007", 3, 4, "/data")]
    [DataRow("""<Mount Include="/a/../b" Source="." />""", "ENVD1007", 3, 4, "absolute")]
    [DataRow("""<Mount Include="/a" Source="volume:-x" />""", "ENVD1006", 3, 23, "volume")]
    [DataRow("""<Service Include="a b" Command="x" />""", "ENVD1006", 3, 4, "a b")]
    [DataRow("""<Service Include="-x" Command="x" />""", "ENVD1006", 3, 4, "-x")]
    [DataRow("""<Service Include="x" Command="x" User="a b" />""", "ENVD1006", 3, 36, "account")]
    [DataRow("""<Stage Include="a&quot;b" />""", "ENVD1006", 3, 4, "a\"b")]
    [DataRow("""<Stage Include="x/../y" />""", "ENVD1006", 3, 4, "x/../y")]
    [DataRow("""<Stage Include="s" From="-x:1" AddToImage="true" />""", "ENVD1006", 3, 22, "-x:1")]
    [DataRow("""<Step Include="x%3By" Run="true" />""", "ENVD1006", 3, 4, "x;y")]
    [DataRow("""<Step Include="x" Run="true" User="a;b" />""", "ENVD1006", 3, 32, "a;b")]
    [DataRow("""<Step Include="x" FromImage="-x" Copy="/a" TargetPath="/a" />""", "ENVD1006", 3, 21, "-x")]
    [DataRow("""<PythonIndex Include="a b" Url="https://example.org" />""", "ENVD1006", 3, 4, "a b")]
    [DataRow("""<ContainerLabel Include="-x" Value="1" />""", "ENVD1006", 3, 4, "-x")]
    [DataRow("""<AptPackage Include="git" Version="1; touch x" />""", "ENVD1007", 3, 29, "1; touch x")]
    [DataRow("""<PythonPackage Include="x" Extras="a b" />""", "ENVD1006", 3, 30, "a b")]
    [DataRow("""<PythonPackage Include="x" Url="file:///etc/passwd" />""", "ENVD1007", 3, 30, "https://")]
    [DataRow("""<Step Include="x" Run="true" Secrets="tokn" /><Secret Include="token" Source="env:T" />""", "ENVD1011", 3, 32, "Did you mean 'token'?")]
    [DataRow("""<RunOption Include="memry" Value="1g" />""", "ENVD1011", 3, 4, "Did you mean 'memory'?")]
    [DataRow("""<RunOption Include="memory" Value="much" />""", "ENVD1007", 3, 31, "k, m or g")]
    [DataRow("""<RunOption Include="cap-add" Value="sys_ptrace; x" />""", "ENVD1007", 3, 32, "SYS_PTRACE")]
    [DataRow("""<RunOption Include="ulimit" Value="nofile" />""", "ENVD1007", 3, 31, "SOFT:HARD")]
    [DataRow("""<RunOption Include="device" Value="/etc/passwd" />""", "ENVD1007", 3, 31, "/dev/NAME")]
    [DataRow("""<RunOption Include="cpus" Value="1" /><RunOption Include="cpus" Value="2" />""", "ENVD1010", 3, 4, "more than once")]
    [DataRow("""<RuntimeCommand Include="a b" Command="x" />""", "ENVD1006", 3, 4, "a b")]
    [DataRow("""<RuntimeCommand Include="a" Command="x 'y" />""", "ENVD1007", 3, 31, "quote")]
    [DataRow("""<RuntimeCommand Include="a" />""", "ENVD1009", 3, 4, "no Command")]
    [DataRow("""<Language Include="nodejs" Version="latest" />""", "ENVD1007", 3, 30, "prefix")]
    [DataRow("""<Language Include="go" Version="1" /><Language Include="go" Version="2" />""", "ENVD1010", 3, 26, "Keep one")]
    [DataRow("""<Language Include="python" Manager="cnda" />""", "ENVD1011", 3, 30, "conda")]
    [DataRow("""<Secret Include="token" Source="geheim" />""", "ENVD1012", 3, 27, "env:NAME")]
    [DataRow("""<Secret Include="a b" Source="env:T" />""", "ENVD1006", 3, 4, "a b")]
    [DataRow("""<Secret Include="t" Source="env:T" EnvironmentVariable="A-B" />""", "ENVD1006", 3, 38, "A-B")]
    [DataRow("""<Step Include="x" Download="ftp://x/y" TargetPath="/y" />""", "ENVD1007", 3, 21, "https://")]
    [DataRow("""<Step Include="x" Download="https://me:secret@x/y" TargetPath="/y" />""", "ENVD1007", 3, 21, "without a login")]
    [DataRow("""<Step Include="x" Download="https://x/y" TargetPath="y" />""", "ENVD1007", 3, 44, "absolute")]
    [DataRow("""<Step Include="x" Download="https://x/y" Checksum="md5:1" TargetPath="/y" />""", "ENVD1007", 3, 44, "sha256")]
    [DataRow("""<Step Include="x" Git="--upload-pack=touch" TargetPath="/y" />""", "ENVD1007", 3, 21, "git remote")]
    [DataRow("""<Step Include="x" Git="https://x/y.git" Ref="-x" TargetPath="/y" />""", "ENVD1007", 3, 43, "branch")]
    [DataRow("""<Step Include="x" WriteFile="text" TargetPath="/y/" />""", "ENVD1007", 3, 38, "absolute path")]
    [DataRow("""<Step Include="x" MakeDirectory="y" />""", "ENVD1007", 3, 21, "absolute")]
    [DataRow("""<Step Include="x" MakeDirectory="/y" Mode="1777" />""", "ENVD1007", 3, 40, "sticky")]
    [DataRow("""<Step Include="x" Delete="/" />""", "ENVD1007", 3, 21, "absolute")]
    [DataRow("""<Step Include="x" Delete="/a/../b" />""", "ENVD1007", 3, 21, "absolute")]
    [DataRow("""<Step Include="x" Run="true" Owner="a b" />""", "ENVD1006", 3, 32, "a b")]
    [DataRow("""<Step Include="x" Run="true" CacheSharing="some" />""", "ENVD1007", 3, 32, "locked")]
    [DataRow("""<Step Include="x" Run="true" Mounts="context" />""", "ENVD1007", 3, 32, "tmpfs=/tmp")]
    [DataRow("""<Step Include="x" Run="true" Mounts="contxt=/src" />""", "ENVD2001", 3, 32, "Did you mean 'context'?")]
    [DataRow("""<Step Include="x" Run="true" Mounts="context:/none=/src" />""", "ENVD1008", 3, 32, "/none")]
    [DataRow("""<Step Include="x" Run="true" SshAgent="a b" />""", "ENVD1006", 3, 32, "true")]
    [DataRow("""<Stage Include="s" Merge="kernels" AddToImage="true" />""", "ENVD2001", 3, 22, "kernels")]
    [DataRow("""<Stage Include="s" Diff="bse" AddToImage="true" />""", "ENVD2001", 3, 22, "Did you mean 'base'?")]
    [DataRow("""<Stage Include="a" Merge="b" AddToImage="true" /><Stage Include="b" Diff="a" />""", "ENVD2002", 3, 4, "a → b → a")]
    [DataRow("""<Stage Include="s" Platform="windows/amd64" AddToImage="true" />""", "ENVD1007", 3, 22, "linux/arm64")]
    [DataRow("""<PathEntry Include="bin" />""", "ENVD1007", 3, 4, "absolute")]
    [DataRow("""<PathEntry Include="/a:/b" />""", "ENVD1007", 3, 4, "one folder")]
    [DataRow("""<PathEntry Include="/a" Position="first" />""", "ENVD1007", 3, 27, "prepend")]
    [DataRow("""<CertificateAuthority Include="none.pem" />""", "ENVD1008", 3, 4, "none.pem")]
    [DataRow("""<CertificateAuthority Include="demo.csproj" />""", "ENVD1007", 3, 4, "PEM")]
    [DataRow("""<AptSource Include="demo.csproj" />""", "ENVD1006", 3, 4, ".sources")]
    [DataRow("""<Mirror Include="pypi" Url="https://x" />""", "ENVD1011", 3, 4, "PythonIndex")]
    [DataRow("""<Mirror Include="apt" Url="x; touch y" />""", "ENVD1007", 3, 25, "http address")]
    [DataRow("""<Mirror Include="docker.io" Url="https://x" />""", "ENVD1007", 3, 31, "registry")]
    [DataRow("""<CacheTo Include="ref=x" />""", "ENVD1007", 3, 4, "type=registry")]
    [DataRow("""<EnvdOutput Include="ocii" Path="x" />""", "ENVD1011", 3, 4, "Did you mean 'oci'?")]
    [DataRow("""<EnvdOutput Include="oci" />""", "ENVD1009", 3, 4, "Path")]
    [DataRow("""<PythonIndex Include="x" Url="https://x/simple" Secret="none" />""", "ENVD1011", 3, 51, "none")]
    public void Build_BadItem_GivesCodePlaceAndWayOut(string item, string code, int line, int column, string part)
    {
        using var model = new TestModel($"<ItemGroup>\n  {item}\n</ItemGroup>");
        Assert.IsNull(model.Build());
        var diagnostic = model.Diagnostics.Items.First(d => !d.IsWarning);
        Assert.AreEqual(code, diagnostic.Code, diagnostic.Text);
        Assert.AreEqual(new SourcePosition(model.File, line, column), diagnostic.Position, diagnostic.Text);
        StringAssert.Contains(diagnostic.Text, part);
    }

    [TestMethod]
    [DataRow("12.8.1", "", "", "true", "ubuntu:24.04", "docker.io/nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04")]
    [DataRow("12.8.1", "", "", "false", "ubuntu:22.04", "docker.io/nvidia/cuda:12.8.1-cudnn-runtime-ubuntu22.04")]
    [DataRow("12.4.0", "9", "runtime", "true", "ubuntu:22.04", "docker.io/nvidia/cuda:12.4.0-cudnn-runtime-ubuntu22.04")]
    [DataRow("12.2.2", "", "", "true", "ubuntu:22.04", "docker.io/nvidia/cuda:12.2.2-cudnn8-devel-ubuntu22.04")]
    [DataRow("12.3.2", "9", "", "true", "ubuntu:22.04", "docker.io/nvidia/cuda:12.3.2-cudnn9-devel-ubuntu22.04")]
    [DataRow("11.8.0", "none", "", "true", "ubuntu:22.04", "docker.io/nvidia/cuda:11.8.0-devel-ubuntu22.04")]
    [DataRow("12.8.1", "", "base", "true", "ubuntu:24.04", "docker.io/nvidia/cuda:12.8.1-base-ubuntu24.04")]
    public void Build_Cuda_IsTheImageThatNvidiaPublishes(string cuda, string cudnn, string flavor, string dev, string image, string expected)
    {
        using var model = new TestModel("", ("EnvdCudaVersion", cuda), ("EnvdCudnnVersion", cudnn), ("EnvdCudaFlavor", flavor), ("EnvdDev", dev), ("ContainerBaseImage", image));
        Assert.AreEqual(expected, model.BuildOrFail().Environment.BaseImage);
    }

    [TestMethod]
    [DataRow("12.8", "ubuntu:24.04", "whole version")]
    [DataRow("12.8.1", "debian:trixie", "name an Ubuntu")]
    public void Build_CudaThatCannotBe_SaysWhy(string cuda, string image, string part)
    {
        using var model = new TestModel("", ("EnvdCudaVersion", cuda), ("ContainerBaseImage", image));
        Assert.IsNull(model.Build());
        StringAssert.Contains(model.Diagnostics.Items.Single().Text, part);
    }

    [TestMethod]
    public void Build_ItemThatVanishedFromACommonFile_IsFoundThere()
    {
        using var model = new TestModel("<ItemGroup />");
        var common = model.Write("Directory.Build.props", "<Project>\n<ItemGroup><PythonPackage Include=\"torch==2.*\" /></ItemGroup></Project>");
        Assert.IsNull(model.Build());
        Assert.AreEqual("ENVD1001", model.Diagnostics.Items.Single().Code);
        Assert.AreEqual(common, model.Diagnostics.Items.Single().Position!.File);
    }

    [TestMethod]
    public void Build_SeveralMistakes_AreAllToldAtOnce()
    {
        using var model = new TestModel("""
            <ItemGroup>
              <AptPackage Include="-x" />
              <PythonPackage Include="a==1" />
              <Step Include="s" />
            </ItemGroup>
            """, ("ContainerUser", "Not A User"), ("EnvdDev", "perhaps"));
        Assert.IsNull(model.Build());
        CollectionAssert.AreEquivalent(new[] { "ENVD1006", "ENVD1002", "ENVD1009", "ENVD1006", "ENVD1007" }, model.Diagnostics.Items.Select(d => d.Code).ToArray());
    }

    [TestMethod]
    public void Build_TwoServicesOnOnePort_NamesBoth()
    {
        using var model = new TestModel("<ItemGroup>\n<Service Include=\"a\" Command=\"a\" Port=\"80\" />\n<Service Include=\"b\" Command=\"b\" Port=\"80\" />\n</ItemGroup>");
        Assert.IsNull(model.Build());
        var diagnostic = model.Diagnostics.Items.Single();
        Assert.AreEqual("ENVD1013", diagnostic.Code);
        Assert.AreEqual(4, diagnostic.Position!.Line);
        StringAssert.Contains(diagnostic.Text, "'b'");
        StringAssert.Contains(diagnostic.Text, "'a'");
    }

    [TestMethod]
    public void Build_NestedRequirements_AreFollowedAndMissingOnesPlaced()
    {
        using var model = new TestModel("""<ItemGroup><PythonRequirements Include="requirements.txt" /></ItemGroup>""");
        model.Write("requirements.txt", "six\n--requirement=more/a.txt  # note\n-c c.txt\n");
        model.Write("more/a.txt", "-r ../b.txt\n-r missing.txt\n");
        model.Write("b.txt", "");
        model.Write("c.txt", "-r requirements.txt\n");
        Assert.IsNull(model.Build());
        var diagnostic = model.Diagnostics.Items.Single();
        Assert.AreEqual("ENVD1008", diagnostic.Code);
        Assert.AreEqual(new SourcePosition(Path.Combine(model.Folder, "more/a.txt"), 2, 1), diagnostic.Position);
        model.Write("more/missing.txt", "");
        CollectionAssert.AreEqual(new[] { "requirements.txt", "more/a.txt", "c.txt", "b.txt", "more/missing.txt" },
            SpecBuilder.Build(model.ToModel(), new DiagnosticBag())!.Environment.Python!.FileClosure.ToArray());
    }

    [TestMethod]
    public void Build_StageCycle_IsShownWhole()
    {
        using var model = new TestModel("""
            <ItemGroup>
              <Stage Include="a" From="b" />
              <Stage Include="b" From="base" />
              <Step Include="x" Stage="b" FromStage="a" Copy="/x" TargetPath="/x" />
            </ItemGroup>
            """);
        Assert.IsNull(model.Build());
        StringAssert.Contains(model.Diagnostics.Items.First(d => d.Code == "ENVD2002").Text, "a → b → a");
    }

    [TestMethod]
    public void Build_UnusedStage_IsAWarning()
    {
        using var model = new TestModel("""<ItemGroup><Stage Include="a" From="base" /></ItemGroup>""");
        Assert.IsNotNull(model.Build());
        Assert.AreEqual("ENVD2003", model.Diagnostics.Items.Single().Code);
    }

    [TestMethod]
    public void Build_OneNameTwice_AddsUpOrContradicts()
    {
        using var both = new TestModel("""<ItemGroup><PythonPackage Include="Foo.Bar" Version="[1,)" Extras="b" /><PythonPackage Include="foo-bar" Version="[,2)" Extras="a" /></ItemGroup>""");
        CollectionAssert.AreEqual(new[] { "foo-bar[a,b]>=1,<2" }, both.BuildOrFail().Environment.Python!.Requirements.ToArray());
        using var against = new TestModel("""<ItemGroup><PythonPackage Include="foo" Version="1" /><PythonPackage Include="Foo" Version="2" /></ItemGroup>""");
        Assert.IsNull(against.Build());
        Assert.AreEqual("ENVD1010", against.Diagnostics.Items.Single().Code);
    }

    [TestMethod]
    public void Build_ShellText_SurvivesAsWritten()
    {
        // What MSBuild forces one to escape is undone; a printf's own %ba is not.
        using var model = new TestModel("""<ItemGroup><Step Include="x" Run="printf '%ba' %24(uname) %3B echo `id` &gt; /x; echo &quot;$HOME&quot;" /></ItemGroup>""");
        Assert.AreEqual("printf '%ba' $(uname) ; echo `id` > /x; echo \"$HOME\"", model.BuildOrFail().Environment.Steps.Single().Run);
    }

    [TestMethod]
    public void Build_Start_IsNoPartOfTheSpec()
    {
        using var a = new TestModel("""<ItemGroup><Service Include="web" Command="run" Port="80" HostPort="8080" /><Mount Include="/data" Source="." /></ItemGroup>""", ("EnvdName", "same"));
        using var b = new TestModel("""<ItemGroup><Service Include="web" Command="run" Port="80" /></ItemGroup>""", ("EnvdName", "same"));
        var (first, second) = (a.BuildOrFail(), b.BuildOrFail());
        CollectionAssert.AreEqual(SpecFile.ToBytes(first.Environment), SpecFile.ToBytes(second.Environment));
        Assert.DoesNotContain(a.Folder, System.Text.Encoding.UTF8.GetString(SpecFile.ToBytes(first.Environment)));
        Assert.Contains(new MountSpec("/data", "bind", a.Folder, false, 0), first.Run.Mounts);
    }

    [TestMethod]
    public void Build_PersonalFile_ComesLastAndChangesNoOtherStep()
    {
        const string body = """<ItemGroup><Language Include="python" /><AptPackage Include="git" /><PythonPackage Include="six" /><Step Include="last" Run="true" /></ItemGroup>""";
        using var alone = new TestModel(body, ("EnvdName", "same"));
        using var personal = new TestModel(body, ("EnvdName", "same")) { Personal = """<ItemGroup><AptPackage Include="htop" /><PythonPackage Include="ipdb" /><Step Include="mine" Run="true" /><RunOption Include="cpus" Value="2" /></ItemGroup>""" };
        foreach (var merge in new[] { true, false })
        {
            var before = Planner.Plan(alone.BuildOrFail().Environment, merge);
            var after = Planner.Plan(personal.BuildOrFail().Environment, merge);
            CollectionAssert.AreEqual(before.Nodes.Select(n => n.Id).ToList(), after.Nodes.Take(before.Nodes.Count).Select(n => n.Id).ToList());
            Assert.AreEqual("apt:personal python:personal pip:personal step:personal/mine", string.Join(' ', after.Nodes.Skip(before.Nodes.Count).Select(n => n.Id)));
            Assert.AreEqual("step:personal/mine", after.Result);
            Assert.AreEqual(0, before.Nodes.Zip(after.Nodes).Count(p => System.Text.Json.JsonSerializer.Serialize(p.First) != System.Text.Json.JsonSerializer.Serialize(p.Second)));
        }
        StringAssert.Contains(personal.Diagnostics.Notes[0], "EnvdUserProps");
    }

    [TestMethod]
    [DataRow("""<Service Include="web" Command="run" />""", "Service 'web' stands in your own file")]
    [DataRow("""<AptPackage Include="git" Stage="system" />""", "names a stage")]
    [DataRow("""<PythonPackage Include="six" />""", "an environment that has no Python")]
    [DataRow("""<Step Include="x" Copy="a" TargetPath="/a" />""", "takes files of the project's folder")]
    [DataRow("""<Step Include="x" Run="true" Mounts="context=/src" />""", "takes files of the project's folder")]
    public void Build_PersonalFileThatChangesTheProject_IsRefused(string item, string expected)
    {
        using var model = new TestModel("") { Personal = $"<ItemGroup>\n{item}\n</ItemGroup>" };
        model.Write("a", "");
        Assert.IsNull(model.Build());
        var mistake = model.Diagnostics.Items.First(d => d.Text.Contains(expected, StringComparison.Ordinal));
        StringAssert.Contains(mistake.Text, expected);
        Assert.AreEqual("user.props", Path.GetFileName(mistake.Position!.File));
        Assert.AreEqual(3, mistake.Position.Line);
    }

    [TestMethod]
    public void Build_ServiceNamedByGuid_IsVisualStudiosOwn()
    {
        using var model = new TestModel("""<ItemGroup><Service Include="{82a7f48d-3b50-4b1e-b82e-3ada8210c358}" /></ItemGroup>""", ("EnvdSsh", "false"));
        Assert.IsEmpty(model.BuildOrFail().Environment.Services);
    }

    [TestMethod]
    public void Build_LeanImage_SaysInOneMessageWhatItLeavesOut()
    {
        const string body = """<ItemGroup><Service Include="jupyterlab" /><Service Include="web" Command="serve" /><VSCodeExtension Include="a.b" Version="1" /><Mount Include="/data" Source="volume:data" /></ItemGroup>""";
        using var lean = new TestModel(body, ("EnvdDev", "false"), ("EnvdShell", "zsh"));
        lean.BuildOrFail();
        Assert.AreEqual("The image is lean (EnvdDev is false) and leaves out Service jupyterlab, VSCodeExtension a.b, Mount /data, EnvdShell.", lean.Diagnostics.Notes.Single());
        using var dev = new TestModel(body);
        dev.BuildOrFail();
        Assert.IsEmpty(dev.Diagnostics.Notes);
    }
}
