using System.Text;

namespace Envd.EndToEnd.Tests;

/// <summary>A team's repository: three environments upon a shared one, behind a company's mirror, authority and index.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class TeamTests
{
    private const string IndexPassword = "s3cret-of-the-index";

    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    [DataRow(TestEngine.Containerd)]
    [DataRow(TestEngine.Graphdriver)]
    public async Task FourProjects_BuildAgainstTheCompanysServers(string store)
    {
        using var archive = new HttpClient();
        using var mirror = new FileServer(request =>
        {
            using var answer = archive.Send(new HttpRequestMessage(HttpMethod.Get, "http://deb.debian.org" + request.RawUrl!["/company".Length..]));
            using var body = new MemoryStream();
            answer.Content.ReadAsStream().CopyTo(body);
            return ((int)answer.StatusCode, body.ToArray());
        });
        using var index = new TlsFileServer(path =>
        {
            var wheel = Path.Combine(TestProject.Wheels, Path.GetFileName(path));
            var name = path.Trim('/').Split('/')[^1].Replace('-', '_');
            return File.Exists(wheel) ? File.ReadAllBytes(wheel)
                : Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(Directory.GetFiles(TestProject.Wheels, name + "-*.whl").Select(f => $"<a href=\"/{Path.GetFileName(f)}\">{Path.GetFileName(f)}</a>")) + "</body></html>");
        }, "team:" + IndexPassword);
        using var train = new TestProject(store, "team");
        train.OwnVariables["TEST_TEAM_INDEX"] = IndexPassword;
        train.WriteFile("company.pem", index.Authority);
        train.WriteFile("global.json", $$"""{ "msbuild-sdks": { "Envd.Sdk": "{{TestProject.Version}}" } }""");
        train.WriteFile("Directory.Build.props", $"""
            <Project>
              <PropertyGroup>
                <ContainerBaseImage>debian:trixie</ContainerBaseImage>
                <ContainerRepository>{train.Name}</ContainerRepository>
                <EnvdContextDirectory>$(MSBuildThisFileDirectory)</EnvdContextDirectory>
                <EnvdBuildNetwork>host</EnvdBuildNetwork>
                <EnvdDev>false</EnvdDev>
              </PropertyGroup>
              <ItemGroup>
                <CertificateAuthority Include="$(MSBuildThisFileDirectory)company.pem" />
                <Mirror Include="apt" Url="{mirror.Address}/company/debian" />
                <Secret Include="index" Source="env:TEST_TEAM_INDEX" />
                <PythonIndex Include="pypi" Url="{index.Address}/simple" UserName="team" Secret="index" />
                <ContainerLabel Include="com.company.team" Value="ml" />
              </ItemGroup>
            </Project>
            """);
        train.WriteFile("shared/settings.txt", "shared");
        Write("shared", """<ItemGroup><AptPackage Include="tree" /><PythonPackage Include="six" /><Step Include="settings" Copy="shared/settings.txt" TargetPath="/etc/team/" /></ItemGroup>""");
        Write("train", """<ItemGroup><ProjectReference Include="../shared/shared.csproj" Stage="base" /><PythonPackage Include="toolz" /></ItemGroup>""");
        Write("notebooks", """<ItemGroup><ProjectReference Include="../shared/shared.csproj" Stage="base" /><AptPackage Include="less" /><PythonPackage Include="idna" /></ItemGroup>""");
        Write("serve", """
            <ItemGroup>
              <ProjectReference Include="../shared/shared.csproj" Stage="base" />
              <PythonPackage Include="attrs" />
              <Step Include="app" Copy="serve/app.py" TargetPath="/srv/" />
              <Service Include="app" Command="python /srv/app.py" Main="true" User="nobody" />
            </ItemGroup>
            """);
        train.WriteFile("serve/app.py", "import attrs, six\nprint('serving')\n");
        train.WriteFile("team.slnx", """
            <Solution><Project Path="shared/shared.csproj" /><Project Path="train/train.csproj" /><Project Path="notebooks/notebooks.csproj" /><Project Path="serve/serve.csproj" /></Solution>
            """);

        var composed = await train.DotNetAsync(Token, "build", "team.slnx", "-tl:off");
        Assert.AreEqual(0, composed.ExitCode, composed.All);
        foreach (var project in new[] { "shared", "train", "notebooks", "serve" })
        {
            var built = await train.DotNetAsync(Token, "build", $"{project}/{project}.csproj", "-t:EnvdImage", "-tl:off", "-v:normal");
            Assert.AreEqual(0, built.ExitCode, built.All);
            Assert.DoesNotContain(IndexPassword, built.All);
        }
        Assert.IsTrue(mirror.Requests.Any(r => r.StartsWith("/company/debian/dists/", StringComparison.Ordinal)));
        Assert.AreEqual("shared\n1\n0\n", await InAsync("train", $"cat /etc/team/settings.txt; echo; python -c 'import six, toolz; print(1)'; tree /etc/team > /dev/null; grep -rl --binary-files=text '{IndexPassword}' / --exclude-dir=proc --exclude-dir=sys 2>/dev/null | wc -l"));
        Assert.AreEqual("shared\n1\n", await InAsync("notebooks", "cat /etc/team/settings.txt; echo; python -c 'import six, idna; print(1)'; less --version > /dev/null"));
        Assert.AreEqual("serving\n", await InAsync("serve", "python /srv/app.py"));

        // One line of the shared project, and nothing is installed again.
        train.WriteFile("shared/settings.txt", "changed");
        var changed = await train.DotNetAsync(Token, "build", "train/train.csproj", "-t:EnvdImage", "-tl:off", "-v:normal");
        Assert.AreEqual(0, changed.ExitCode, changed.All);
        StringAssert.StartsWith(await InAsync("train", "cat /etc/team/settings.txt"), "changed");
        Assert.DoesNotContain("Unpacking", changed.All);

        void Write(string name, string body) => train.WriteFile($"{name}/{name}.csproj",
            $"<Project Sdk=\"Envd.Sdk\"><PropertyGroup><ContainerImageTags>{name}</ContainerImageTags><EnvdName>{train.Name}-{name}</EnvdName></PropertyGroup>{body}</Project>");

        async Task<string> InAsync(string name, string script)
        {
            using var docker = train.Docker();
            await docker.PostAsync($"images/{train.Name}:{name}/tag?repo={train.Name}&tag=dev", null, Token);
            return await train.InImageAsync(script, Token);
        }
    }
}
