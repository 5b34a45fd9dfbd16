using System.Text;
using Envd.Core.Graph;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Llb;

namespace Envd.Core.Tests;

/// <summary>Every item and metadata of the project file, from text to spec to graph to LLB, as files to review.</summary>
[TestClass]
public sealed class PlannerTests
{
    private const string Everything = """
        <ItemGroup>
          <Language Include="python" Version="3.13" />
          <Language Include="nodejs" Version="20" />
          <Language Include="rust" />
          <RuntimeCommand Include="train" Command="python train.py --name 'two words'" WorkingDirectory="/srv" />
          <RunOption Include="memory" Value="8g" />
          <RunOption Include="ulimit" Value="nofile=1024:2048" />
          <AptPackage Include="git" />
          <AptPackage Include="less" Version="1.2-3" />
          <PythonPackage Include="torch" Version="[2.6,3)" Extras="opt" Marker="sys_platform == 'linux'" />
          <PythonPackage Include="direct" Url="https://example.org/direct-1.0%2Bcu-py3-none-any.whl" />
          <PythonRequirements Include="requirements.txt" />
          <PythonRequirements Include="bounds.txt" ConstraintsOnly="true" />
          <PythonIndex Include="pypi" Url="https://mirror.example/simple" Trusted="true" />
          <PythonIndex Include="wheels" Url="wheels" />
          <PythonIndex Include="page" Url="https://links.example/page.html" Format="flat" />
          <Service Include="jupyterlab" Arguments="--LabApp.dark=1 'two words'" Port="9999" />
          <Service Include="db" Command="postgres -D '/data dir'" Port="5432" User="postgres" Restart="on-failure" Environment="A=1;B=two words" WorkingDirectory="/data" HealthCheck="tcp://:5432" />
          <Service Include="migrate" Command="migrate" OneShot="true" DependsOn="db" />
          <Service Include="web" Command="serve" DependsOn="migrate" Main="true" />
          <ContainerEnvironmentVariable Include="GREETING" Value="hello; 'world'" />
          <ContainerLabel Include="org.example.team" Value="ml" />
          <ContainerPort Include="6006" />
          <Stage Include="kernels" />
          <Step Include="sources" Stage="kernels" Copy="kernels/**" TargetPath="/opt/kernels/" />
          <Step Include="compile" Stage="kernels" Run="make -C /opt/kernels" Title="Compile the kernels" Cache="/root/.ccache" Network="none" User="nobody" Environment="CC=gcc" WorkingDirectory="/opt" />
          <Stage Include="files" From="scratch" AddToImage="true" />
          <Step Include="tool" Stage="files" Copy="tool.sh" TargetPath="/bin/tool" Mode="0755" />
          <Stage Include="extra" From="base" AddToImage="true" />
          <Step Include="make" Stage="extra" Script="make.sh" Arguments="one;two words" />
          <Step Include="result" FromStage="kernels" Copy="/opt/kernels/out/*.so" TargetPath="/opt/lib/" />
          <Step Include="busybox" FromImage="busybox:1" Copy="/bin/busybox" TargetPath="/usr/local/bin/busybox" />
          <Stage Include="both" Merge="kernels;files" AddToImage="true" />
          <Stage Include="foreign" From="alpine:3" Platform="linux/arm64" />
          <Step Include="arm" Stage="foreign" Run="uname -m" Mounts="context:/kernels=/src; kernels:/opt=/k; docker.io/library/busybox:1:/bin=/b; tmpfs=/tmp" Cache="/c" CacheSharing="locked" Secrets="token;file" SshAgent="true" />
          <Step Include="unpacked" Download="https://github.com/x/y%20z.tar.gz?a=1" Checksum="sha256:0000000000000000000000000000000000000000000000000000000000000000" TargetPath="/opt/y/" Unpack="true" Owner="nobody:games" />
          <Step Include="repo" Git="https://github.com/x/y.git" Ref="v1" TargetPath="/opt/repo/" Secrets="token" />
          <Step Include="file" WriteFile="one&#10;two" TargetPath="/etc/demo/file" Mode="0660" Owner="10:20" />
          <Step Include="dir" MakeDirectory="/srv/data" Mode="0777" />
          <Step Include="gone" Delete="/opt/repo/.git*;/tmp/x" />
          <Step Include="foreign" FromStage="foreign" Copy="/etc/os-release" TargetPath="/etc/foreign" />
          <Secret Include="token" Source="env:TOKEN" EnvironmentVariable="THE_TOKEN" />
          <Secret Include="file" Source="file:secret.txt" />
          <Secret Include="index" Source="env:INDEX" />
          <Secret Include="unused" Source="env:NOBODY" />
          <PythonIndex Include="private" Url="https://private.example/simple" UserName="me" Secret="index" />
          <PathEntry Include="/opt/tool/bin" />
          <PathEntry Include="/opt/lib" Variable="LD_LIBRARY_PATH" Position="append" />
          <CertificateAuthority Include="company.pem" />
          <AptSource Include="extra.sources" KeyFile="extra.asc" Replace="true" />
          <Mirror Include="apt" Url="https://mirror.example/debian/" />
          <Mirror Include="docker.io" Url="registry.example:5000/hub" />
          <Mirror Include="github.com" Url="https://mirror.example/github" />
          <CacheFrom Include="registry.example/team/cache" />
          <CacheTo Include="type=local,dest=cache" />
          <EnvdOutput Include="oci" Path="out/image.tar" />
          <Step Include="last" Run="#!/usr/bin/env python3&#10;print(1)" />
        </ItemGroup>
        """;

    private static EnvironmentSpec Spec()
    {
        using var model = new TestModel(Everything, ("EnvdShmSize", "1g"), ("EnvdShell", "zsh"), ("EnvdGitUserName", "A \"B\" \\C"), ("EnvdGitUserEmail", "a@b.example"));
        model.Write("requirements.txt", "-r more/nested.txt\n");
        model.Write("more/nested.txt", "six\n");
        model.Write("bounds.txt", "six<2\n");
        model.Write("kernels/a.c", "");
        model.Write("company.pem", "-----BEGIN CERTIFICATE-----\n");
        model.Write("extra.sources", "");
        model.Write("extra.asc", "");
        model.Write("tool.sh", "");
        model.Write("make.sh", "");
        model.Write("wheels/x.whl", "");
        return model.BuildOrFail().Environment;
    }

    [TestMethod]
    public void Spec_OfEverything_IsAsReviewed() => Golden.Match("everything.spec.json", Encoding.UTF8.GetString(SpecFile.ToBytes(Spec())));

    [TestMethod]
    public void Spec_ReadBack_IsEqual() => CollectionAssert.AreEqual(SpecFile.ToBytes(Spec()), SpecFile.ToBytes(SpecFile.ReadEnvironment(SpecFile.ToBytes(Spec()))));

    [TestMethod]
    [DataRow(true, "everything.merge")]
    [DataRow(false, "everything.linear")]
    public void Plan_OfEverything_IsAsReviewed(bool merge, string name)
    {
        var graph = Planner.Plan(Spec(), merge);
        Golden.Match(name + ".graph.json", Encoding.UTF8.GetString(graph.ToBytes()));
        Golden.Match(name + ".llb.txt", DefinitionDump.ToText(GraphLowering.Lower(graph).Definition));
    }

    private const string LanguagesAndManagers = """
        <ItemGroup>
          <Language Include="python" Manager="MANAGER" Version="3.12" />
          <Language Include="r" />
          <Language Include="java" Version="21" />
          <Language Include="go" Version="1.25.3" Checksum="sha256:1111111111111111111111111111111111111111111111111111111111111111" />
          <Language Include="rust" Version="1.90.0" />
          <Language Include="dotnet" Version="10.0.100" />
          <Language Include="julia" />
          <AptPackage Include="gcc" />
          <DnfPackage Include="gcc" Version="15.1" />
          <ApkPackage Include="build-base" />
          <NpmPackage Include="@openai/codex" />
          <NpmPackage Include="typescript" Version="5.9.3" />
          <RPackage Include="remotes" Version="2.5.0" />
          <RPackage Include="mlr3" />
          <JuliaPackage Include="Plots" Version="1.40.0" />
          <CondaPackage Include="numpy" Version="[2,3)" />
          <CondaPackage Include="blas" Build="*mkl" Channel="defaults" />
          <VSCodeExtension Include="ms-python.python" Version="2025.1.0" Sha256="2222222222222222222222222222222222222222222222222222222222222222" />
          <Service Include="vscode" />
          <Service Include="rstudio" />
          <Service Include="tensorboard" Arguments="--logdir runs" />
          <Mirror Include="conda" Url="https://mirror.example/conda" />
          <Mirror Include="cran" Url="https://mirror.example/cran" />
          <Mirror Include="crates" Url="https://mirror.example/crates" />
          <Mirror Include="go" Url="https://mirror.example/go" />
          <Mirror Include="julia" Url="https://mirror.example/julia" />
          <Mirror Include="npm" Url="https://mirror.example/npm" />
          <Mirror Include="vscode" Url="https://mirror.example/vsx" />
          <Mirror Include="github.com" Url="https://mirror.example/github" />
          <PythonPackage Include="flash-attn" BuildIsolation="false" BuildEnvironment="MAX_JOBS=4;FLAGS=-O2 -g" />
          <PythonPackage Include="acme-models" Version="2.*" Extras="gpu" PreRelease="true" />
          <PythonIndex Include="pypi" Url="https://mirror.example/simple" />
          <PythonIndex Include="acme" Url="https://index.example/simple" Packages="acme-*" Trusted="true" />
          <PythonProject Include="lib/pyproject.toml" Extras="cli" DependencyGroups="test" />
          <PythonProject Include="train.py" />
          <PythonWheel Include="wheels/acme_core-1.0-py3-none-any.whl" />
          <Stage Include="kernels" From="base" />
          <AptPackage Include="make" Stage="kernels" />
          <PythonPackage Include="ninja" Stage="kernels" />
          <NpmPackage Include="esbuild" Stage="kernels" />
          <RPackage Include="jsonlite" Stage="kernels" />
          <JuliaPackage Include="CSV" Stage="kernels" />
          <CondaPackage Include="cmake" Version="3.*" Stage="kernels" />
          <Step Include="compile" Stage="kernels" Run="make" />
          <Step Include="take" FromStage="kernels" Copy="/out" TargetPath="/opt/out" />
        </ItemGroup>
        """;

    [TestMethod]
    [DataRow("uv", true)]
    [DataRow("uv", false)]
    [DataRow("conda", true)]
    [DataRow("micromamba", false)]
    [DataRow("pixi", true)]
    public void Plan_OfLanguagesAndManagers_IsAsReviewed(string manager, bool merge)
    {
        using var model = new TestModel(LanguagesAndManagers.Replace("MANAGER", manager, StringComparison.Ordinal), ("EnvdPrompt", "starship"), ("EnvdShell", "fish"), ("EnvdPlatform", "linux/arm64"));
        model.Write("lib/pyproject.toml", """
            [build-system]
            requires = ["setuptools"]
            [project]
            name = "Acme.Lib"
            dependencies = ["six>=1", "requests ; python_version > '3.8'"]
            optional-dependencies = { cli = ["click"] }
            [dependency-groups]
            test = ["pytest", { include-group = "lint" }]
            lint = ["ruff"]
            """);
        model.Write("train.py", "# /// script\n# dependencies = [\n#   \"rich\",\n# ]\n# ///\nprint(1)\n");
        model.Write("wheels/acme_core-1.0-py3-none-any.whl", "");
        var graph = Planner.Plan(model.BuildOrFail().Environment, merge);
        var name = $"languages.{manager}.{(merge ? "merge" : "linear")}";
        Golden.Match(name + ".graph.json", Encoding.UTF8.GetString(graph.ToBytes()));
        Golden.Match(name + ".llb.txt", DefinitionDump.ToText(GraphLowering.Lower(graph).Definition));
    }

    [TestMethod]
    [DataRow("fedora:43", "dnf", true)]
    [DataRow("alpine:3.22", "apk", false)]
    public void Plan_OfOtherDistributions_IsAsReviewed(string image, string name, bool merge)
    {
        using var model = new TestModel("""
            <ItemGroup>
              <AptPackage Include="build-essential" />
              <DnfPackage Include="gcc" Version="15.1" /><DnfPackage Include="make" Stage="kernels" />
              <ApkPackage Include="build-base" Version="0.5-r3" /><ApkPackage Include="make" Stage="kernels" />
              <Stage Include="kernels" />
              <Step Include="compile" Stage="kernels" Run="make" />
              <Step Include="take" FromStage="kernels" Copy="/out" TargetPath="/opt/out" />
            </ItemGroup>
            """, ("ContainerBaseImage", image), ("EnvdDev", "false"));
        var graph = Planner.Plan(model.BuildOrFail().Environment, merge);
        Golden.Match($"{name}.graph.json", Encoding.UTF8.GetString(graph.ToBytes()));
        Golden.Match($"{name}.llb.txt", DefinitionDump.ToText(GraphLowering.Lower(graph).Definition));
    }

    [TestMethod]
    public void Spec_OfTheStart_IsAsReviewed()
    {
        using var model = new TestModel("""
            <ItemGroup>
              <Language Include="python" />
              <Mount Include="/inputs" Source="inputs" ReadOnly="true" />
              <Mount Include="/store" Source="volume:store" />
              <Mount Include="/scratch" Source="tmpfs" Size="16m" />
              <Dataset Include="numbers" Source="https://data.example/numbers.csv" TargetPath="/data" Secret="data" />
              <Dataset Include="notes" Source="https://data.example/notes.txt" TargetPath="/notes" ReadOnly="false" />
              <Service Include="notes" Kind="jupyterlab" Provider="system" Port="9009" Token="file:token.txt" />
              <Service Include="open" Kind="jupyter" Token="none" HostPort="none" />
              <Service Include="web" Command="serve" Port="8080" HostPort="80" ListenAddress="0.0.0.0" StandardOutput="/tmp/out" StandardError="/tmp/err" />
              <ContainerPort Include="5353" Type="udp" HostPort="53" ListenAddress="127.0.0.2" />
              <RunOption Include="cap-add" Value="SYS_PTRACE" />
              <Secret Include="data" Source="env:DATA" Scope="start" />
              <Secret Include="both" Source="file:both.txt" Scope="both" />
              <Step Include="use" Run="true" Secrets="both" />
              <PythonIndex Include="pypi" Url="wheels" />
            </ItemGroup>
            """, ("EnvdName", "start"), ("EnvdGpu", "2"), ("EnvdShmSize", "1g"), ("EnvdHttpsProxy", "http://proxy.example:3128"), ("EnvdNoProxy", "localhost"), ("EnvdHome", "container"));
        foreach (var file in new[] { "inputs/a", "token.txt", "both.txt", "wheels/x.whl" })
            model.Write(file, "");
        var (environment, run) = (model.BuildOrFail().Environment, model.BuildOrFail().Run);
        Golden.Match("start.spec.json", Encoding.UTF8.GetString(SpecFile.ToBytes(environment)));
        Golden.Match("start.run.json", Encoding.UTF8.GetString(SpecFile.ToBytes(run)).Replace(model.Folder, "PROJECT", StringComparison.Ordinal));
    }

    [TestMethod]
    public void Plan_Quickstart_IsAtMost25Ops()
    {
        using var model = new TestModel("""
            <ItemGroup>
              <Language Include="python" /><AptPackage Include="git" /><PythonPackage Include="numpy" /><Service Include="jupyterlab" />
            </ItemGroup>
            """);
        Assert.IsLessThanOrEqualTo(25, GraphLowering.Lower(Planner.Plan(model.BuildOrFail().Environment, merge: true)).Definition.Def.Count);
    }

    [TestMethod]
    [DataRow(true, "reference.merge")]
    [DataRow(false, "reference.linear")]
    public void Plan_References_AreInlined(bool merge, string name)
    {
        using var shared = new TestModel("""<ItemGroup><AptPackage Include="tree" /><PythonPackage Include="six" /><PathEntry Include="/opt/shared" /><Step Include="f" Copy="f" TargetPath="/f" /></ItemGroup>""", ("EnvdDev", "false"), ("EnvdName", "shared"));
        shared.Write("f", "");
        using var tool = new TestModel("""<ItemGroup><Step Include="make" Run="make" /></ItemGroup>""", ("EnvdDev", "false"), ("EnvdName", "tool"));
        using var model = new TestModel("""
            <ItemGroup><PythonPackage Include="toolz" /><PathEntry Include="/opt/own" /><Step Include="take" FromStage="tools" Copy="/out" TargetPath="/out" /><Stage Include="s" From="tools" AddToImage="false" /><Step Include="use" FromStage="s" Copy="/x" TargetPath="/x" /></ItemGroup>
            """, ("EnvdDev", "false"));
        var references = new[] { Compose(shared, "base"), Compose(tool, "tools") };
        var spec = model.BuildOrFail(references).Environment;
        Golden.Match(name + ".graph.json", Encoding.UTF8.GetString(Planner.Plan(spec, merge).ToBytes()));
    }

    private static ReferencedProject Compose(TestModel model, string stage)
    {
        var state = new StateFolder(Path.Combine(model.Folder, "obj"));
        Assert.IsTrue(Composition.Compose(model.ToModel(), state, model.Diagnostics), string.Join('\n', model.Diagnostics.Items.Select(d => d.Text)));
        return new ReferencedProject(model.File, model.Folder, state.Path, stage);
    }

    [TestMethod]
    [DataRow("base", "base", "Two references are the base")]
    [DataRow("tools", "tools", "Two references are the stage 'tools'")]
    [DataRow("a b", "", "would be the stage 'a b'")]
    public void Build_ReferencesThatClash_SayWhy(string first, string second, string part)
    {
        using var one = new TestModel("", ("EnvdDev", "false"), ("EnvdName", "one"));
        using var two = new TestModel("", ("EnvdDev", "false"), ("EnvdName", "two"));
        using var model = new TestModel("");
        Assert.IsNull(Envd.Core.Spec.SpecBuilder.Build(model.ToModel() with { References = [Compose(one, first), Compose(two, second)] }, model.Diagnostics));
        StringAssert.Contains(model.Diagnostics.Items.First().Text, part);
    }

    [TestMethod]
    public void Plan_NothingDeclared_IsTheBaseAlone()
    {
        using var model = new TestModel("", ("EnvdDev", "false"));
        var graph = Planner.Plan(model.BuildOrFail().Environment, merge: true);
        Assert.IsInstanceOfType<ImageOperation>(graph.Nodes.Single().Operation);
        Assert.IsNull(graph.Image.Entrypoint);
    }

    [TestMethod]
    public void Plan_AThousandStepsInAChainOfStages_IsNoRecursion()
    {
        var body = new StringBuilder("<ItemGroup>");
        for (var i = 0; i < 1000; i++)
            body.Append($"""<Stage Include="s{i}" From="{(i == 0 ? "base" : "s" + (i - 1))}" AddToImage="{(i == 999 ? "true" : "false")}" /><Step Include="x" Stage="s{i}" Run="true {i}" />""");
        using var model = new TestModel(body.Append("</ItemGroup>").ToString());
        Assert.HasCount(1000, Planner.Plan(model.BuildOrFail().Environment, merge: true).Nodes.Where(n => n.Id.StartsWith("step:", StringComparison.Ordinal)).ToList());
    }

    [TestMethod]
    [DataRow("; touch /pwned")]
    [DataRow("$(touch /pwned)")]
    [DataRow("`touch /pwned`")]
    [DataRow("' \" \\ \n newline")]
    [DataRow("--evil-option")]
    [DataRow("ünïcödé 😀")]
    public void Lower_HostileText_ReachesNoShell(string text)
    {
        var arguments = StepScripts.AptCommand("apt-install", [text]);
        Assert.AreEqual(text, arguments[^1], "the text is one argument, as it is");
        Assert.DoesNotContain(text, arguments[2], "the text is in the script that a shell reads");
        // A user's own step is a shell's text by its nature, and reaches that shell whole.
        Assert.AreEqual(text, StepScripts.UserCommand(text)[^1]);
    }

    public static IEnumerable<object[]> HostileMetadata =>
        from item in (string[])[
            """<AptPackage Include="X" />""", """<AptPackage Include="git" Version="X" />""", """<PythonPackage Include="X" />""", """<PythonPackage Include="six" Marker="X" />""",
            """<PythonPackage Include="six" Extras="X" />""", """<PythonPackage Include="six" Url="https://x/X" />""", """<PythonIndex Include="i" Url="https://x/X" />""",
            """<PythonIndex Include="i" Url="https://x/s" UserName="X" Secret="s" /><Secret Include="s" Source="env:S" /><PythonPackage Include="six" />""",
            """<Secret Include="X" Source="env:S" />""", """<Secret Include="s" Source="env:S" EnvironmentVariable="X" /><Step Include="a" Run="true" Secrets="s" />""",
            """<Language Include="nodejs" Version="X" />""", """<Mirror Include="apt" Url="https://x/X" /><AptPackage Include="git" />""", """<Mirror Include="X" Url="https://x" />""",
            """<PathEntry Include="/X" />""", """<PathEntry Include="/a" Variable="X" />""", """<ContainerEnvironmentVariable Include="A" Value="X" /><Step Include="a" Run="true" />""",
            """<ContainerLabel Include="a" Value="X" />""", """<Step Include="X" Run="true" />""", """<Step Include="a" Title="X" Run="true" />""", """<Step Include="a" Run="true" Mounts="context=/X" />""",
            """<Step Include="a" Run="true" Cache="/X" />""", """<Step Include="a" Run="true" User="X" />""", """<Step Include="a" Run="true" WorkingDirectory="/X" />""", """<Step Include="a" Run="true" Environment="A=X" />""",
            """<Step Include="a" Download="https://x/X" TargetPath="/t" />""", """<Step Include="a" Download="https://x/f" TargetPath="/X" />""", """<Step Include="a" Git="https://x/X" TargetPath="/t" />""",
            """<Step Include="a" Git="https://x/r.git" Ref="X" TargetPath="/t" />""", """<Step Include="a" WriteFile="X" TargetPath="/t" />""", """<Step Include="a" MakeDirectory="/X" Mode="0777" />""",
            """<Step Include="a" MakeDirectory="/t" Mode="0777" Owner="X" />""", """<Step Include="a" Delete="/X" />""", """<Stage Include="X" From="base" AddToImage="true" />""", """<RuntimeCommand Include="a" Command="X" />""",
            """<Service Include="s" Command="X" />""", """<Service Include="s" Command="a" Environment="A=X" WorkingDirectory="/X" />""",
            """<DnfPackage Include="X" />""", """<ApkPackage Include="a" Version="X" />""", """<NpmPackage Include="X" />""", """<NpmPackage Include="a" Version="X" />""", """<NpmPackage Include="a" Url="https://x/X" />""",
            """<RPackage Include="X" />""", """<RPackage Include="a" Version="X" />""", """<RPackage Include="a" Url="https://x/X" />""", """<JuliaPackage Include="X" />""", """<JuliaPackage Include="a" Url="https://x/X" Version="X" />""",
            """<CondaPackage Include="X" />""", """<CondaPackage Include="a" Version="X" Build="X" />""", """<CondaPackage Include="a" Channel="X" />""", """<CondaPackage Include="a" /><CondaChannel Include="X" />""",
            """<CondaPackage Include="a" /><Mirror Include="conda" Url="https://x/X" />""", """<NpmPackage Include="a" /><Mirror Include="npm" Url="https://x/X" />""", """<RPackage Include="a" /><Mirror Include="cran" Url="https://x/X" />""",
            """<Mirror Include="crates" Url="https://x/X" />""", """<Mirror Include="go" Url="https://x/X" /><Step Include="a" Run="true" />""", """<VSCodeExtension Include="X" Version="X" Sha256="X" />""",
            """<Language Include="go" Version="X" Checksum="X" />""", """<Language Include="python" Manager="X" />""", """<PythonIndex Include="i" Url="https://x/s" Packages="X" /><PythonPackage Include="six" />""",
            """<PythonPackage Include="X" BuildIsolation="false" />""", """<PythonPackage Include="a" BuildEnvironment="A=X" />""", """<Service Include="tensorboard" Arguments="X" />""", """<Service Include="s" Command="a" StandardOutput="/X" StandardError="/X" />""",
            """<Dataset Include="X" Source="https://x/f" TargetPath="/d" />""", """<Dataset Include="d" Source="https://x/X" TargetPath="/X" />"""]
        from text in (string[])["'; touch /pwned; '", "$(touch /pwned)", "`touch /pwned`", "a\" b\\ c", "line\nbreak", "--option", "ünïcödé 😀", new string('x', 64 * 1024)]
        select new object[] { item, text };

    [TestMethod]
    [DynamicData(nameof(HostileMetadata), DynamicDataDisplayName = nameof(HostileName))]
    public void Lower_HostileMetadata_IsRefusedOrStaysOutOfEveryScript(string item, string text)
    {
        using var model = new TestModel($"<ItemGroup>{item.Replace("X", "PLACEHOLDER", StringComparison.Ordinal)}</ItemGroup>", ("EnvdDev", "false"));
        var items = model.ToModel().Items.Select(i => i with
        {
            Include = i.Include.Replace("PLACEHOLDER", text, StringComparison.Ordinal),
            EscapedMetadata = i.EscapedMetadata.ToDictionary(m => m.Key, m => m.Value.Replace("PLACEHOLDER", text, StringComparison.Ordinal), StringComparer.OrdinalIgnoreCase),
        }).ToList();
        if (Envd.Core.Spec.SpecBuilder.Build(model.ToModel() with { Items = items }, model.Diagnostics) is not { } result)
        {
            Assert.IsTrue(model.Diagnostics.Items.All(d => d.Text.Length < 1000), "an error repeats 64 KiB");
            return;
        }
        var graph = Planner.Plan(result.Environment, merge: true);
        foreach (var run in graph.Nodes.Select(n => n.Operation).OfType<RunOperation>())
            Assert.DoesNotContain(text, run.Arguments[2], "the text is in a script that a shell reads");
        // Text that reaches the engine is a message's field, so it comes back as it was.
        foreach (var op in DefinitionReader.Read(GraphLowering.Lower(graph).Definition))
            Assert.IsFalse(op.Op.Exec?.Meta.Env.Any(e => e.Contains('\0', StringComparison.Ordinal)) is true);
    }

    public static string HostileName(System.Reflection.MethodInfo method, object[] data) => $"{method.Name} {data[0]} {((string)data[1])[..Math.Min(12, ((string)data[1]).Length)].ReplaceLineEndings("␊")}";

    [TestMethod]
    public void ImageConfiguration_Merge_KeepsWhatTheBaseSays()
    {
        var settings = new ImageSettings { Environment = ["A=2", "C=3"], PathPrefix = ["/opt/x"], Labels = ["l=2"], ExposedPorts = ["80/tcp"] };
        var merged = Encoding.UTF8.GetString(ImageConfiguration.Merge("""
            {"os":"linux","architecture":"amd64","config":{"Env":["PATH=/base","A=1"],"Cmd":["run"],"User":"me","Labels":{"k":"1","l":"1"},"StopSignal":"SIGINT"}}
            """u8, settings, "linux/amd64"));
        Golden.Match("configuration.json", merged + "\n");
    }

    [TestMethod]
    public void Marshal_OfAChainOf10000_IsLinear()
    {
        static long Measure(int length)
        {
            var state = State.Image("docker.io/library/x:1", new Platform("linux", "amd64"));
            for (var i = 0; i < length; i++)
                state = state.Run(new ExecOptions { Arguments = ["true", i.ToString(System.Globalization.CultureInfo.InvariantCulture)] });
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.HasCount(length + 2, Marshaller.Marshal(state).Definition.Def);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Measure(10);
        // Bytes allocated tell of work done without a clock.
        Assert.IsLessThan(12 * Measure(1000), Measure(10_000));
    }
}
