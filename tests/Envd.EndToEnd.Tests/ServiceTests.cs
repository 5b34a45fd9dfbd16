namespace Envd.EndToEnd.Tests;

/// <summary>What runs in an environment and in a lean image.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class ServiceTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    public async Task Up_DependentServices_WaitUntilOthersAreHealthy()
    {
        using var project = new TestProject();
        project.Write($"""
            <ItemGroup>
              <Language Include="python" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
              <Service Include="slow" Command="sh -c 'sleep 2; touch /tmp/ready; exec sleep infinity'" HealthCheck="test -f /tmp/ready" />
              <Service Include="web" Command="sh -c 'sleep 1; exec python -m http.server 18080'" HealthCheck="http://:18080/" />
              <Service Include="app" DependsOn="slow;web" Command="bash -c 'test -f /tmp/ready; echo ready $?; exec 3&lt;&gt;/dev/tcp/127.0.0.1/18080; echo web $?; exec sleep infinity'" HealthCheck="grep -q web /var/log/envd/app/current" />
            </ItemGroup>
            """);
        await project.UpAsync(Token);
        var log = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /var/log/envd/app/current");
        StringAssert.Contains(log.Output, "ready 0");
        StringAssert.Contains(log.Output, "web 0");
    }

    [TestMethod]
    public async Task LeanImage_ServesAsNobodyMuchAndSaysWhetherItIsHealthy()
    {
        using var project = new TestProject();
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <Language Include="python" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
              <Service Include="web" Command="python -m http.server 8000" Port="8000" HealthCheck="http://:8000/" Main="true" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        using var docker = project.Docker();
        var created = await docker.PostAsync("containers/create", new System.Text.Json.Nodes.JsonObject { ["Image"] = $"{project.Name}:dev" }, Token);
        var id = created!["Id"]!.GetValue<string>();
        try
        {
            await docker.PostAsync($"containers/{id}/start", null, Token);
            System.Text.Json.Nodes.JsonNode? container = null;
            for (var i = 0; i < 100; i++)
            {
                container = await docker.GetAsync($"containers/{id}/json", Token);
                if (container!["State"]!["Health"]?["Status"]?.GetValue<string>() == "healthy")
                    break;
                await Task.Delay(200, Token);
            }
            Assert.AreEqual("healthy", container!["State"]!["Health"]!["Status"]!.GetValue<string>(), container["State"]!.ToJsonString());
            Assert.AreEqual("1000:10000", container["Config"]!["User"]!.GetValue<string>());
        }
        finally
        {
            await docker.DeleteAsync($"containers/{id}?force=true", CancellationToken.None);
        }
    }

    [TestMethod]
    public async Task Up_CustomServices_RunInOrderAsTheUserAndEndWithMain()
    {
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup><EnvdSsh>false</EnvdSsh></PropertyGroup>
            <ItemGroup>
              <Service Include="prepare" Command="/bin/sh -c 'sleep 1; id -un > /tmp/prepared; echo &quot;$WORD&quot; >> /tmp/prepared'" OneShot="true" Environment="WORD=two words%3B and $(Nothing)&quot;;OTHER=x" />
              <Service Include="main" Command="/bin/sh -c 'test -s /tmp/prepared &amp;&amp; while [ ! -e /tmp/end ]; do sleep 0.2; done; exit 42'" DependsOn="prepare" Main="true" />
            </ItemGroup>
            """.Replace("$(Nothing)", "%24(kept)", StringComparison.Ordinal));
        await project.UpAsync(Token);
        var prepared = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do test -s /tmp/prepared && break; sleep 0.5; done; cat /tmp/prepared; touch /tmp/end");
        StringAssert.EndsWith(prepared.Output, "two words; and $(kept)\"\n", prepared.All);
        using var docker = project.Docker();
        var ended = await docker.PostAsync($"containers/envd-{project.Name}/wait", null, Token);
        Assert.AreEqual(42, ended!["StatusCode"]!.GetValue<int>());
    }

    [TestMethod]
    public async Task Up_ServicesAndPorts_AreAsDeclared()
    {
        using var project = new TestProject();
        var (port, bare) = (TestRegistry.FreePort(), TestRegistry.FreePort());
        project.OwnVariables["NOTES_TOKEN"] = "token-of-this-test";
        project.Write($"""
            <ItemGroup>
              <Language Include="python" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
              <Service Include="notes" Kind="jupyterlab" Provider="pip" Port="9009" Token="env:NOTES_TOKEN" />
              <Service Include="near" Command="python -m http.server 18090" Port="18090" HostPort="{port}" ListenAddress="127.0.0.2" />
              <Service Include="hidden" Command="python -m http.server 18091" Port="18091" HostPort="none" />
              <Service Include="again" Command="sh -c 'echo run >> /tmp/again; exit 3'" Restart="on-failure" />
              <Service Include="once" Command="sh -c 'echo run >> /tmp/once; exit 3'" Restart="no" />
              <Service Include="where" Command="sh -c 'pwd; id -un; echo $COLOUR; echo wrong >&amp;2; exec sleep infinity'" User="games" WorkingDirectory="/usr" Environment="COLOUR=deep blue" StandardOutput="/tmp/where.out" StandardError="/tmp/where.err" />
              <ContainerPort Include="5353" Type="udp" HostPort="{bare}" ListenAddress="127.0.0.3" />
            </ItemGroup>
            """);
        var up = await project.UpAsync(Token);
        using var http = new HttpClient();
        StringAssert.Contains(up.Output, "?token=token-of-this-test");
        StringAssert.Contains(up.Output, $"127.0.0.2:{port}\n");
        StringAssert.Contains(await http.GetStringAsync($"http://127.0.0.2:{port}/", Token), "Directory listing");
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => http.GetStringAsync($"http://127.0.0.1:{port}/", Token));
        using var docker = project.Docker();
        var bindings = (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!["HostConfig"]!["PortBindings"]!;
        Assert.AreEqual($"127.0.0.3:{bare}", $"{bindings["5353/udp"]![0]!["HostIp"]}:{bindings["5353/udp"]![0]!["HostPort"]}");
        Assert.IsNull(bindings["18091/tcp"]);
        var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "for i in `seq 50`; do test `wc -l < /tmp/again` -gt 1 && break; sleep 0.2; done; test `wc -l < /tmp/again` -gt 1 && echo again; wc -l < /tmp/once; cat /tmp/where.out /tmp/where.err");
        Assert.AreEqual("again\n1\n/usr\ngames\ndeep blue\nwrong\n", seen.Output, seen.All);
    }
}
