using System.Text;
using System.Text.Json;

namespace Envd.EndToEnd.Tests;

/// <summary>What a project can declare beyond packages and services: every kind of step, secrets, mirrors, registries, outputs.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class DeclarationTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task AptSources_WithAKeyOfTheirOwn_TakeThePlaceOfTheBases()
    {
        using var probe = new TestProject();
        probe.Write("<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>");
        await probe.BuildImageAsync(Token);
        var key = await probe.InImageAsync("base64 -w0 /usr/share/keyrings/debian-archive-keyring.gpg", Token);
        var archive = await probe.ArchiveAsync(Token);
        using var project = new TestProject();
        File.WriteAllBytes(project["archive.gpg"], Convert.FromBase64String(key));
        project.WriteFile("archive.sources", $"Types: deb\nURIs: {archive}\nSuites: trixie\nComponents: main\nSigned-By: /etc/apt/keyrings/archive.gpg\n");
        project.Write("""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <AptSource Include="archive.sources" KeyFile="archive.gpg" Replace="true" />
              <AptPackage Include="tree" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        var version = await project.InImageAsync("dpkg-query -W -f '${Version}' tree", Token);
        Assert.AreEqual("/etc/apt/keyrings/archive.gpg\n/etc/apt/sources.list.d/archive.sources\n",
            await project.InImageAsync("find /etc/apt/keyrings /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null | sort", Token));
        project.Replace("Include=\"tree\"", "Include=\"tree\" Version=\"0.0-1\"");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(refused.Output, "error ENVD4002", refused.All);
        project.Replace("0.0-1", version);
        await project.BuildImageAsync(Token);
        Assert.AreEqual(version, await project.InImageAsync("dpkg-query -W -f '${Version}' tree", Token));
    }

    [TestMethod]
    public async Task PythonIndex_WithALogin_KeepsIt()
    {
        const string password = "pa-ss.w0rd";
        var allowed = 0;
        using var server = new FileServer(request =>
        {
            if (request.Headers["Authorization"] != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + password)))
                return (401, []);
            allowed++;
            var path = request.Url!.AbsolutePath;
            var wheel = Path.Combine(TestProject.Wheels, Path.GetFileName(path));
            if (File.Exists(wheel))
                return (200, File.ReadAllBytes(wheel));
            var name = path.Trim('/').Split('/')[^1].Replace('-', '_');
            var links = Directory.GetFiles(TestProject.Wheels, name + "-*.whl").Select(f => $"<a href=\"/files/{Path.GetFileName(f)}\">{Path.GetFileName(f)}</a>");
            return (200, Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(links) + "</body></html>"));
        });
        using var project = new TestProject();
        project.Write($$"""
            <PropertyGroup><EnvdDev>false</EnvdDev><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup>
              <Secret Include="index" Source="env:TEST_INDEX_PASSWORD" />
              <PythonIndex Include="pypi" Url="{{server.Address}}/simple" UserName="me" Secret="index" Trusted="true" />
              <PythonPackage Include="six" />
            </ItemGroup>
            """);
        project.OwnVariables["TEST_INDEX_PASSWORD"] = password;
        var built = await project.BuildImageAsync(Token);
        Assert.IsGreaterThan(1, allowed);
        Assert.DoesNotContain(password, built.All);
        Assert.AreEqual("0\n", await project.InImageAsync($"python -c 'import six'; grep -rl --binary-files=text '{password}' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null | wc -l", Token));

        project.OwnVariables["TEST_INDEX_PASSWORD"] = "wrong";
        project.Replace("Include=\"six\"", "Include=\"six;toolz\"");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        Assert.AreEqual(1, refused.ExitCode);
        StringAssert.Contains(refused.Output, "check the secret 'index'");
    }

    [TestMethod]
    public async Task CompanyNetwork_AuthorityMirrorAndSources()
    {
        // The distribution's own mirror, behind an address that only the declared mirror names.
        using var upstream = new HttpClient();
        using var probe = new TestProject();
        probe.Write("<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>");
        await probe.BuildImageAsync(Token);
        var archive = await probe.ArchiveAsync(Token);
        using var mirror = new FileServer(request =>
        {
            using var answer = upstream.Send(new HttpRequestMessage(HttpMethod.Get, archive + request.RawUrl!["/company".Length..]));
            return ((int)answer.StatusCode, answer.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult());
        });
        using var index = new TlsFileServer(path =>
        {
            var wheel = Path.Combine(TestProject.Wheels, Path.GetFileName(path));
            var name = path.Trim('/').Split('/')[^1].Replace('-', '_');
            return File.Exists(wheel) ? File.ReadAllBytes(wheel)
                : Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(Directory.GetFiles(TestProject.Wheels, name + "-*.whl").Select(f => $"<a href=\"/{Path.GetFileName(f)}\">{Path.GetFileName(f)}</a>")) + "</body></html>");
        });
        using var project = new TestProject();
        project.WriteFile("company.pem", index.Authority);
        project.WriteFile("extra.list", "# nothing beside the mirror\n");
        project.Write($$"""
            <PropertyGroup><EnvdDev>false</EnvdDev><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup>
              <CertificateAuthority Include="company.pem" />
              <Mirror Include="apt" Url="{{mirror.Address}}/company" />
              <AptSource Include="extra.list" />
              <AptPackage Include="tree" />
              <PythonIndex Include="pypi" Url="{{index.Address}}/simple" />
              <PythonPackage Include="six" />
              <Step Include="check" Run="python -c 'import urllib.request; urllib.request.urlopen(&quot;{{index.Address}}/simple/six/&quot;)'" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        Assert.IsTrue(mirror.Requests.Any(r => r.StartsWith("/company/dists/", StringComparison.Ordinal)), string.Join(' ', mirror.Requests.Take(5)));
        var seen = await project.InImageAsync("tree --version | cut -c1-5; python -c 'import six; print(\"six\")'; echo $SSL_CERT_FILE; cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -c company", Token);
        StringAssert.StartsWith(seen, "tree \nsix\n/etc/ssl/certs/ca-certificates.crt\n");
    }

    [TestMethod]
    [DataRow(TestEngine.Containerd)]
    [DataRow(TestEngine.Graphdriver)]
    public async Task Team_ASharedBaseAndATool_AreInlined(string store)
    {
        using var project = new TestProject(store);
        project.WriteFile("Directory.Build.props", $"""
            <Project>
              <PropertyGroup><ContainerBaseImage>debian:trixie</ContainerBaseImage><EnvdDev>false</EnvdDev></PropertyGroup>
              <ItemGroup><PythonIndex Include="pypi" Url="{TestProject.Wheels}" /></ItemGroup>
            </Project>
            """);
        project.WriteFile("shared/settings.txt", "shared settings");
        project.WriteFile("shared/shared.csproj", $"""
            <Project Sdk="Envd.Sdk/{TestProject.Version}">
              <ItemGroup>
                <AptPackage Include="tree" />
                <PythonPackage Include="six" />
                <ContainerEnvironmentVariable Include="TEAM" Value="ml" />
                <ContainerEnvironmentVariable Include="LEVEL" Value="shared" />
                <RuntimeCommand Include="greet" Command="echo hello" />
                <Step Include="settings" Copy="settings.txt" TargetPath="/etc/team/" />
              </ItemGroup>
            </Project>
            """);
        project.WriteFile("tool/tool.csproj", $"""
            <Project Sdk="Envd.Sdk/{TestProject.Version}">
              <ItemGroup><Step Include="make" Run="mkdir -p /out; echo tool > /out/tool" /></ItemGroup>
            </Project>
            """);
        project.Write("""
            <ItemGroup>
              <ProjectReference Include="shared/shared.csproj" Stage="base" />
              <ProjectReference Include="tool/tool.csproj" />
              <PythonPackage Include="toolz" />
              <ContainerEnvironmentVariable Include="LEVEL" Value="own" />
              <Step Include="take" FromStage="tool" Copy="/out/tool" TargetPath="/opt/tool" />
              <Step Include="check" Run="python -c 'import six, toolz'; tree --version > /dev/null" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        const string look = "cat /etc/team/settings.txt /opt/tool; python -c 'import six, toolz; print(1)'; echo $TEAM $LEVEL; tree --version | cut -c1-5";
        Assert.AreEqual("shared settingstool\n1\nml own\ntree \n", await project.InImageAsync(look, Token));
        using (var docker = project.Docker())
            StringAssert.Contains((await docker.GetAsync($"images/{project.Name}:dev/json", Token))!["Config"]!["Labels"]!.ToJsonString(), "dev.envd.command.greet");

        var nothing = await project.BuildImageAsync(Token);
        Assert.DoesNotContain("[ 1]", nothing.Output);
        // A file of the other project rebuilds what it is in.
        project.WriteFile("shared/settings.txt", "changed settings");
        await project.BuildImageAsync(Token);
        StringAssert.StartsWith(await project.InImageAsync(look, Token), "changed settings");
        // A failure in the other project's step names its line.
        File.WriteAllText(project["shared/shared.csproj"], File.ReadAllText(project["shared/shared.csproj"]).Replace("</ItemGroup>", "<Step Include=\"bad\" Run=\"exit 7\" /></ItemGroup>", StringComparison.Ordinal));
        var failed = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(failed.Output, "shared.csproj(9,");
        StringAssert.Contains(failed.Output, "exit code 7");
        // The command sees it too.
        File.WriteAllText(project["shared/shared.csproj"], File.ReadAllText(project["shared/shared.csproj"]).Replace("exit 7", "true", StringComparison.Ordinal));
        var built = await project.ToolAsync(Token, "build", "--project", project.File);
        Assert.AreEqual(0, built.ExitCode, built.All);
    }

    [TestMethod]
    public async Task Publish_WithARegistry_PushesTheLeanImage()
    {
        using var registry = TestRegistry.WithPassword();
        using var project = new TestProject();
        Directory.CreateDirectory(Path.Combine(project.HomeFolder, ".docker"));
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes("envd:" + TestRegistry.Password));
        File.WriteAllText(Path.Combine(project.HomeFolder, ".docker/config.json"), $"{{\"auths\":{{\"{registry.Host}\":{{\"auth\":\"{login}\"}}}}}}");
        project.Write($"""
            <PropertyGroup><ContainerRegistry>{registry.Host}</ContainerRegistry><ContainerRepository>team/app</ContainerRepository></PropertyGroup>
            <ItemGroup><Step Include="x" Run="echo x > /x" /></ItemGroup>
            """);
        var result = await project.DotNetAsync(Token, "publish", project.File, "-tl:off", "-v:normal");
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(result.Output, $"pushed {registry.Host}/team/app:dev@sha256:");
        Assert.IsTrue(registry.Has("team/app", "dev"));
    }

    [TestMethod]
    public async Task Platforms_ArePushedAsOneIndex()
    {
        using var registry = TestRegistry.Open();
        // A base of both platforms: files alone, as nothing here runs programs of another platform.
        using (var client = TestEngine.Client(TestEngine.Containerd))
            await client.BuildAsync(async (gateway, ct) =>
            {
                var parts = new List<Envd.BuildKit.Client.PlatformResult>();
                foreach (var architecture in new[] { "amd64", "arm64" })
                {
                    var tree = Envd.Llb.State.Scratch.File([new Envd.Llb.MakeFileAction("/base", Encoding.UTF8.GetBytes(architecture), 0x1A4)]);
                    parts.Add(new(new Envd.Llb.Platform("linux", architecture), await gateway.SolveAsync(Envd.Llb.Marshaller.Marshal(tree).Definition, ct),
                        Encoding.UTF8.GetBytes("""{"os":"linux","architecture":"ARCH","config":{"Env":["PATH=/bin","BASE=ARCH"]}}""".Replace("ARCH", architecture, StringComparison.Ordinal))));
                }
                return new(parts);
            }, new Envd.BuildKit.Client.SolveOptions
            {
                Exporters = [new("image", new Dictionary<string, string> { ["name"] = $"{registry.Host}/base:1", ["push"] = "true" })],
            }, Token);
        using var project = new TestProject();
        project.WriteFile("file", "content");
        project.Write($"""
            <PropertyGroup>
              <EnvdDev>false</EnvdDev>
              <EnvdPlatforms>linux/amd64;linux/arm64</EnvdPlatforms>
              <ContainerRegistry>{registry.Host}</ContainerRegistry>
              <ContainerRepository>both</ContainerRepository>
            </PropertyGroup>
            <ItemGroup><Step Include="file" Copy="file" TargetPath="/file" /><EnvdOutput Include="oci" Path="both.tar" /></ItemGroup>
            """, $"{registry.Host}/base:1");
        await project.BuildImageAsync(Token);
        await project.BuildImageAsync(Token, "-t:EnvdPush");
        using var index = JsonDocument.Parse(registry.Manifest("both", "dev"));
        CollectionAssert.AreEquivalent(new[] { "amd64", "arm64" }, index.RootElement.GetProperty("manifests").EnumerateArray().Select(m => m.GetProperty("platform").GetProperty("architecture").GetString())
            .Where(a => a != "unknown").ToArray());
        using var docker = project.Docker();
        await docker.DeleteAsync($"images/{registry.Host}/both:dev?force=true", Token);
    }

    [TestMethod]
    public async Task OutputsAndCaches_AreWrittenReadAndKeptCurrent()
    {
        using var project = new TestProject();
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <Step Include="x" Run="echo {Guid.NewGuid():N} > /x" />
              <EnvdOutput Include="oci" Path="out/image.tar" />
              <EnvdOutput Include="tar" Path="out/files.tar" />
              <CacheTo Include="type=local,dest=cache" />
              <CacheFrom Include="type=local,src=cache" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        Assert.IsTrue(File.Exists(project["out/files.tar"]));
        Assert.IsTrue(File.Exists(project["cache/index.json"]));
        var written = File.GetLastWriteTimeUtc(project["out/image.tar"]);
        var again = await project.BuildImageAsync(Token);
        Assert.AreEqual(written, File.GetLastWriteTimeUtc(project["out/image.tar"]));
        Assert.DoesNotContain("[ 1]", again.Output);
        File.Delete(project["out/image.tar"]);
        await project.BuildImageAsync(Token);
        Assert.IsTrue(File.Exists(project["out/image.tar"]));
        // No path of this machine is in what may be handed on.
        foreach (var file in Directory.GetFiles(project["cache"], "*", SearchOption.AllDirectories).Where(f => new FileInfo(f).Length < 100_000))
            Assert.DoesNotContain(project.Folder, File.ReadAllText(file), file);
    }

    [TestMethod]
    public async Task Variants_LieSideBySide()
    {
        using var project = new TestProject();
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="x" Run="echo x > /variant" /></ItemGroup>""");
        await project.BuildImageAsync(Token);
        var result = await project.BuildImageAsync(Token, "-p:EnvdVariant=gpu");
        StringAssert.Contains(result.Output, $"docker.io/library/{project.Name}:dev-gpu@");
        Assert.IsTrue(Directory.Exists(project["obj/envd-lean"]) && Directory.Exists(project["obj/envd-lean-gpu"]));
        using var docker = project.Docker();
        await docker.DeleteAsync($"images/{project.Name}:dev-gpu?force=true", Token);
    }

    [TestMethod]
    public async Task Graph_IsDrawnWithItemsPlacesAndTheLastBuild()
    {
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup><Step Include="x" Title="a &lt;/script&gt;&lt;b&gt; &quot;title&quot;" Run="echo x > /x" /></ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        var result = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdGraph", "-tl:off");
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(result.Output, "env.graph.html");
        var page = File.ReadAllText(project["obj/envd-lean/env.graph.html"]);
        Assert.HasCount(2, page.Split("</script>"), "a title ended the script");
        StringAssert.Contains(page, "\"origin\":\"Step:x\"");
        StringAssert.Contains(page, $"\"place\":\"{project.Name}.csproj:7\"");
        StringAssert.Contains(page, "\"cached\":");
        StringAssert.Contains(File.ReadAllText(project["obj/envd-lean/env.graph.mmd"]), "flowchart LR");
        StringAssert.Contains(File.ReadAllText(project["obj/envd-lean/env.graph.dot"]), "digraph");
    }
}
