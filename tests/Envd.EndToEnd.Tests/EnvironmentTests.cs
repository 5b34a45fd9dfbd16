using System.Net;
using System.Net.Sockets;

namespace Envd.EndToEnd.Tests;

/// <summary>Environments that are up.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class EnvironmentTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private static string Quickstart => """
        <ItemGroup>
          <Language Include="python" />
          <PythonPackage Include="numpy" />
          <PythonIndex Include="pypi" Url="WHEELS" />
          <Service Include="jupyterlab" />
        </ItemGroup>
        """.Replace("WHEELS", TestProject.Wheels, StringComparison.Ordinal);

    [TestMethod]
    [DataRow(TestEngine.Containerd)]
    [DataRow(TestEngine.Graphdriver)]
    public async Task Up_Quickstart_AnswersWithItsTokenAlone(string store)
    {
        using var project = new TestProject(store);
        project.Write(Quickstart);

        var up = await project.UpAsync(Token);

        var url = Address(up, "jupyterlab");
        var token = url[(url.IndexOf("token=", StringComparison.Ordinal) + 6)..];
        var api = url[..url.IndexOf("/lab", StringComparison.Ordinal)] + "/api/contents";
        // Jupyter hands out a cookie with the first answer; whoever has none is refused.
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false });
        Assert.AreEqual(HttpStatusCode.OK, (await http.GetAsync(url, Token)).StatusCode);
        Assert.AreEqual(HttpStatusCode.OK, (await http.GetAsync(api + "?token=" + token, Token)).StatusCode);
        Assert.AreEqual(HttpStatusCode.Forbidden, (await http.GetAsync(api, Token)).StatusCode);
        StringAssert.StartsWith(url, "http://127.0.0.1:");

        var numpy = await project.ToolAsync(Token, "exec", "--", "python", "-c", "import numpy; print(numpy.__file__)");
        StringAssert.StartsWith(numpy.Output, "/opt/envd/python/", numpy.All);

        // The token is in no argument, variable or label.
        using var docker = project.Docker();
        var container = await docker.GetAsync($"containers/envd-{project.Name}/json", Token);
        Assert.DoesNotContain(token, container!.ToJsonString());
        var processes = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' '\\n'");
        Assert.DoesNotContain(token, processes.Output);
        Assert.DoesNotContain(project.Folder, container["Config"]!.ToJsonString(), "a folder of the host is in the container's configuration");

        await AssertSshAsync(project);
        await AssertUnchangedAsync(project, up);

        var ls = await project.ToolAsync(Token, "ls");
        StringAssert.Contains(ls.Output, project.Name);
        var down = await project.ToolAsync(Token, "down");
        Assert.AreEqual(0, down.ExitCode, down.All);
        Assert.IsNull(await docker.GetAsync($"containers/envd-{project.Name}/json", Token));
        Assert.IsFalse(File.Exists(Path.Combine(project.HomeFolder, ".config/envd/ssh/config.d", project.Name + ".conf")));
    }

    [TestMethod]
    public async Task Up_WithShellCommandsLanguagesAndOptions()
    {
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup>
              <EnvdShell>zsh</EnvdShell>
              <EnvdGitUserName>A "B" \C; #d</EnvdGitUserName>
              <EnvdGitUserEmail>a@b.example</EnvdGitUserEmail>
            </PropertyGroup>
            <ItemGroup>
              <Language Include="nodejs" />
              <AptPackage Include="git" />
              <RuntimeCommand Include="greet" Command="node -e 'console.log(process.argv.slice(1).join(`-`), process.cwd())' hello" WorkingDirectory="/srv" />
              <RunOption Include="memory" Value="512m" />
              <RunOption Include="cpus" Value="1.5" />
              <RunOption Include="ulimit" Value="nofile=1000:2000" />
              <RunOption Include="cap-add" Value="SYS_PTRACE" />
              <RunOption Include="add-host" Value="elsewhere:10.9.8.7" />
            </ItemGroup>
            """);
        await project.UpAsync(Token);
        var greeting = await project.ToolAsync(Token, "exec", "--command", "greet", "--", "you");
        Assert.AreEqual("hello-you /srv\n", greeting.Output, greeting.All);
        var unknown = await project.ToolAsync(Token, "exec", "--command", "gret");
        StringAssert.Contains(unknown.Error, "Did you mean 'greet'?");
        var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c",
            "getent passwd envd | cut -d: -f7; git config user.name; git config user.email; cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes; ulimit -Sn; grep -c elsewhere /etc/hosts");
        Assert.AreEqual("/usr/bin/zsh\nA \"B\" \\C; #d\na@b.example\n536870912\n1000\n1\n", seen.Output, seen.All);
        using var docker = project.Docker();
        var host = (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!["HostConfig"]!;
        Assert.AreEqual(1_500_000_000, host["NanoCpus"]!.GetValue<long>());
        StringAssert.Contains(host["CapAdd"]!.ToJsonString(), "SYS_PTRACE");
        // Options of the start rebuild nothing.
        project.Replace("512m", "600m");
        var again = await project.ToolAsync(Token, "up", "--detach");
        Assert.DoesNotContain("[ 1]", again.All);
        Assert.AreEqual(600L * 1024 * 1024, (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!["HostConfig"]!["Memory"]!.GetValue<long>());
    }

    [TestMethod]
    public async Task Up_GpusThatAreNotThere_SaysWhatToDo()
    {
        using var project = new TestProject();
        project.Write("<PropertyGroup><EnvdGpu>all</EnvdGpu></PropertyGroup>");
        var up = await project.ToolAsync(Token, "up", "--detach", "--project", project.File);
        Assert.AreNotEqual(0, up.ExitCode);
        StringAssert.Contains(up.Error, "ENVD5006");
        StringAssert.Contains(up.Error, "NVIDIA's container toolkit");
        // An image that is made for GPUs starts without them by itself.
        project.Write("""<PropertyGroup><EnvdGpu>auto</EnvdGpu></PropertyGroup><ItemGroup><ContainerEnvironmentVariable Include="NVIDIA_VISIBLE_DEVICES" Value="all" /></ItemGroup>""");
        await project.UpAsync(Token);
    }

    private async Task AssertSshAsync(TestProject project)
    {
        // OpenSSH reads the home of the account, not HOME: the configuration is named.
        var config = Path.Combine(project.HomeFolder, ".ssh", "config");
        var ssh = await Commands.RunAsync("ssh", ["-F", config, "-o", "BatchMode=yes", project.Name + ".envd", "python -c 'import sys; print(sys.prefix)'; id -un; pwd"],
            project.Folder, project.Variables, Token);
        Assert.AreEqual("/opt/envd/python\n" + (Environment.UserName == "root" ? "root" : "envd") + "\n/home/envd\n", ssh.Output, ssh.All);
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(project.HomeFolder, ".config/envd/ssh/id_ecdsa")));
    }

    private async Task AssertUnchangedAsync(TestProject project, CommandResult up)
    {
        using var docker = project.Docker();
        var before = (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!["Id"]!.GetValue<string>();
        var again = await project.UpAsync(Token);
        Assert.AreEqual(up.Output, again.Output);
        Assert.AreEqual(before, (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!["Id"]!.GetValue<string>());
        // An edit is seen without being told of.
        project.Replace("</Project>", """<ItemGroup><ContainerEnvironmentVariable Include="ADDED" Value="yes" /></ItemGroup></Project>""");
        var changed = await project.UpAsync(Token);
        StringAssert.Contains(changed.Error, "The project has changed");
        Assert.AreEqual("yes\n", (await project.ToolAsync(Token, "exec", "--", "sh", "-c", "echo $ADDED")).Output);
    }

    [TestMethod]
    public async Task Up_GivesSecretsIdentityAndProxiesThatNoImageHas()
    {
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup>
              <EnvdHttpProxy>http://127.0.0.1:9</EnvdHttpProxy>
              <EnvdNoProxy>localhost,.debian.org</EnvdNoProxy>
            </PropertyGroup>
            <ItemGroup>
              <AptPackage Include="git" />
              <Secret Include="key" Source="file:secret.txt" Scope="start" />
              <Step Include="proxy" Run="echo $http_proxy $no_proxy &gt; /proxy" />
            </ItemGroup>
            """);
        project.WriteFile("secret.txt", "the secret of the start");
        File.WriteAllText(Path.Combine(project.HomeFolder, ".gitconfig"), "[user]\n\tname = A \\\"B\\\" ü\n\temail = a@b.example\n");
        await project.UpAsync(Token);
        var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /run/secrets/key; echo; stat -c '%a %U' /run/secrets/key; git config user.name; git config user.email; echo $http_proxy $NO_PROXY; cat /proxy");
        Assert.AreEqual($"the secret of the start\n400 {(Environment.UserName == "root" ? "root" : "envd")}\nA \"B\" ü\na@b.example\nhttp://127.0.0.1:9 localhost,.debian.org\nhttp://127.0.0.1:9 localhost,.debian.org\n", seen.Output, seen.All);
        using var docker = project.Docker();
        var image = await docker.GetAsync($"images/{project.Name}:dev/json", Token);
        Assert.DoesNotContain("127.0.0.1:9", image!.ToJsonString());
        Assert.DoesNotContain("the secret", (await docker.GetAsync($"containers/envd-{project.Name}/json", Token))!.ToJsonString());
        Assert.AreEqual("", (await project.InImageAsync("ls /etc/gitconfig /run/secrets /var/lib/envd/start 2>/dev/null || true", Token)).Trim());
        // Another proxy starts the environment anew, and builds nothing.
        project.Replace("127.0.0.1:9", "127.0.0.1:10");
        var again = await project.UpAsync(Token);
        Assert.DoesNotContain("[ 1]", again.Error);
        Assert.AreEqual("http://127.0.0.1:10\n", (await project.ToolAsync(Token, "exec", "--", "sh", "-c", "echo $http_proxy")).Output);
    }

    [TestMethod]
    public async Task Up_FetchesDatasetsOnceForAllEnvironments()
    {
        var unique = Guid.NewGuid().ToString("N");
        using var server = new FileServer(request => request.Headers["Authorization"] == "Bearer token-" + unique ? (200, System.Text.Encoding.ASCII.GetBytes("data of " + unique)) : (401, []));
        const string body = """
            <ItemGroup>
              <Secret Include="data" Source="file:token.txt" Scope="start" />
              <Dataset Include="numbers" Source="URL/UNIQUE/numbers.csv" TargetPath="/data/numbers" Secret="data" />
              <Dataset Include="notes" Source="URL/UNIQUE/notes.txt" TargetPath="/data/notes" Secret="data" ReadOnly="false" />
              <Service Include="writer" Command="sh -c 'echo out; echo err >&amp;2; exec sleep infinity'" StandardOutput="/tmp/out" StandardError="/tmp/err" />
            </ItemGroup>
            """;
        using var first = new TestProject();
        using var second = new TestProject();
        string[] volumes = [];
        try
        {
            foreach (var project in new[] { first, second })
            {
                project.Write(body.Replace("URL", server.Address, StringComparison.Ordinal).Replace("UNIQUE", unique, StringComparison.Ordinal));
                project.WriteFile("token.txt", "wrong");
            }
            var refused = await first.ToolAsync(Token, "up", "--detach");
            Assert.AreEqual(5, refused.ExitCode, refused.All);
            StringAssert.Contains(refused.Error, "answers 401");
            foreach (var project in new[] { first, second })
            {
                project.WriteFile("token.txt", "token-" + unique);
                await project.UpAsync(Token);
                var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /data/numbers/numbers.csv; echo; touch /data/numbers/x 2>/dev/null || echo read-only; touch /data/notes/x && echo writable; cat /tmp/out /tmp/err");
                Assert.AreEqual($"data of {unique}\nread-only\nwritable\nout\nerr\n", seen.Output, seen.All);
            }
            Assert.HasCount(3, server.Requests, "the second environment fetched it again");
            using var docker = first.Docker();
            var mounts = (await docker.GetAsync($"containers/envd-{first.Name}/json", Token))!["Mounts"]!.AsArray();
            volumes = [.. mounts.Select(m => m!["Name"]?.GetValue<string>() ?? "").Where(n => n.StartsWith("envd-dataset-", StringComparison.Ordinal))];
            Assert.HasCount(2, volumes);
        }
        finally
        {
            using var docker = first.Docker();
            foreach (var project in new[] { first, second })
                await docker.DeleteAsync($"containers/envd-{project.Name}?force=true", CancellationToken.None);
            foreach (var volume in volumes)
                await docker.DeleteAsync($"volumes/{volume}?force=true", CancellationToken.None);
        }
    }

    [TestMethod]
    public void Caller_OfAnEngineThatMapsIds_IsTold()
    {
        Assert.AreEqual((0u, 0u), (Envd.Runtime.Environments.Caller.On(["name=seccomp,profile=builtin", "name=rootless"]).Uid, Envd.Runtime.Environments.Caller.On(["name=rootless"]).Gid));
        StringAssert.Contains(Envd.Runtime.Environments.Caller.On(["name=rootless"]).Note, "rootless");
        StringAssert.Contains(Envd.Runtime.Environments.Caller.On(["name=userns"]).Note, "userns-remap");
        Assert.AreEqual("", Envd.Runtime.Environments.Caller.On(["name=seccomp,profile=builtin", "name=cgroupns"]).Note);
    }

    [TestMethod]
    public async Task Up_ManyAtOnce_EachHasAPortOfItsOwn()
    {
        var projects = Enumerable.Range(0, 5).Select(i => new TestProject(i % 2 == 0 ? TestEngine.Containerd : TestEngine.Graphdriver)).ToList();
        try
        {
            foreach (var project in projects)
            {
                project.Write("""<ItemGroup><Service Include="echo" Command="sleep infinity" Port="18123" /></ItemGroup>""");
                Assert.AreEqual(0, (await project.ToolAsync(Token, "build")).ExitCode);
            }
            var ups = await Task.WhenAll(projects.Select(p => p.UpAsync(Token)));
            var addresses = ups.Select(u => Address(u, "echo")).ToList();
            CollectionAssert.AllItemsAreUnique(addresses, string.Join(' ', addresses));
        }
        finally
        {
            projects.ForEach(p => p.Dispose());
        }
    }

    [TestMethod]
    public async Task Up_DeletedImage_IsBuiltAgain()
    {
        using var project = new TestProject();
        project.Write("""<ItemGroup><Service Include="web" Command="sleep infinity" /></ItemGroup>""");
        await project.UpAsync(Token);
        await project.ToolAsync(Token, "down");
        using var docker = project.Docker();
        await docker.DeleteAsync($"images/{project.Name}:dev?force=true", Token);
        await project.UpAsync(Token);
        Assert.IsNotNull(await docker.GetAsync($"images/{project.Name}:dev/json", Token));
    }

    [TestMethod]
    public async Task Up_HostPortTaken_SaysSoAndLeavesNothing()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var project = new TestProject();
        project.Write($"""<ItemGroup><Service Include="web" Command="sleep infinity" Port="8080" HostPort="{port}" /></ItemGroup>""");
        var up = await project.ToolAsync(Token, "up", "--detach", "--progress", "Quiet");
        Assert.AreEqual(5, up.ExitCode, up.All);
        StringAssert.Contains(up.Error, "ENVD5001");
        StringAssert.Contains(up.Error, $"{port}");
        using var docker = project.Docker();
        Assert.IsNull(await docker.GetAsync($"containers/envd-{project.Name}/json", Token));
    }

    [TestMethod]
    public async Task Up_MountAndHome_AreTheProjectsAndTheUsers()
    {
        using var project = new TestProject();
        var volume = "envd-test-" + project.Name;
        project.WriteFile("seen.txt", "from the host");
        project.WriteFile("inputs/a.txt", "input");
        Directory.CreateDirectory(Path.Combine(project.HomeFolder, "models"));
        project.Write($"""
            <ItemGroup>
              <Service Include="web" Command="sleep infinity" />
              <Mount Include="/scratch" Source="tmpfs" Size="16m" />
              <Mount Include="/inputs" Source="inputs" ReadOnly="true" />
              <Mount Include="/models" Source="~/models" />
              <Mount Include="/store" Source="volume:{volume}" />
            </ItemGroup>
            """);
        using var docker = project.Docker();
        await project.UpAsync(Token);
        var mounted = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /inputs/a.txt; touch /inputs/b 2>/dev/null || echo ' read-only'; echo made > /models/m; sudo -n sh -c 'echo kept > /store/file'");
        Assert.AreEqual("input read-only\n", mounted.Output, mounted.All);
        Assert.AreEqual("made\n", File.ReadAllText(Path.Combine(project.HomeFolder, "models/m")));
        var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat seen.txt; echo made > made.txt; touch ~/kept; df -m /scratch | tail -1 | awk '{print $2}'");
        Assert.AreEqual("from the host16\n", seen.Output, seen.All);
        Assert.AreEqual("made\n", File.ReadAllText(project["made.txt"]));
        await project.ToolAsync(Token, "down");
        await project.UpAsync(Token);
        Assert.AreEqual(0, (await project.ToolAsync(Token, "exec", "--", "sh", "-c", "test -e ~/kept && test -e /store/file")).ExitCode, "a volume did not survive");
        await project.ToolAsync(Token, "down");
        await docker.DeleteAsync($"volumes/{volume}", Token);
    }

    [TestMethod]
    public async Task Up_WithAFileOfOnesOwn_AddsItLastAndPushesNothingOfIt()
    {
        using var registry = TestRegistry.Open();
        using var project = new TestProject();
        project.OwnVariables["CI"] = "";
        project.WriteFile("home/user.props", "<Project><ItemGroup><AptPackage Include=\"tree\" /><Step Include=\"mine\" Run=\"echo mine &gt; /opt/mine\" /></ItemGroup></Project>");
        Directory.CreateDirectory(Path.Combine(project.HomeFolder, ".config/envd"));
        project.Write($"""
            <PropertyGroup><EnvdSsh>false</EnvdSsh><ContainerRegistry>{registry.Host}</ContainerRegistry></PropertyGroup>
            <ItemGroup><AptPackage Include="less" /><Step Include="last" Run="echo last > /opt/last" /><Service Include="app" Command="sleep infinity" /></ItemGroup>
            """);
        await project.UpAsync(Token);
        File.Move(project["home/user.props"], Path.Combine(project.HomeFolder, ".config/envd/user.props"));
        var up = await project.UpAsync(Token);
        StringAssert.Contains(up.Error, "personal: apt-get install tree");
        StringAssert.Contains(up.Error, "image: last (cached)");
        var seen = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat /opt/last /opt/mine; tree --version | cut -c1-4");
        Assert.AreEqual("last\nmine\ntree\n", seen.Output, seen.All);
        var pushed = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdPush", "-tl:off");
        Assert.AreEqual(0, pushed.ExitCode, pushed.All);
        using var manifest = System.Text.Json.JsonDocument.Parse(registry.Manifest(project.Name, "dev"));
        var configuration = System.Text.Encoding.UTF8.GetString(registry.Blob(manifest.RootElement.GetProperty("config").GetProperty("digest").GetString()!));
        StringAssert.Contains(configuration, "/opt/last");
        Assert.DoesNotContain("/opt/mine", configuration);
        project.OwnVariables["CI"] = "true";
        await project.UpAsync(Token);
        Assert.AreEqual(1, (await project.ToolAsync(Token, "exec", "--", "sh", "-c", "test -e /opt/mine")).ExitCode);
    }

    [TestMethod]
    public async Task Up_AsAnotherUser_TakesOverItsIds()
    {
        if (Environment.UserName != "root")
            Assert.Inconclusive("Whoever is not root is that other user in every other test.");
        using var project = new TestProject();
        project.Write("""<ItemGroup><Language Include="python" /><Service Include="web" Command="sh -c 'id -u > /tmp/uid; sleep infinity'" /><Step Include="other" Run="useradd --uid 1234 other" WorkingDirectory="/" /></ItemGroup>""");
        using var proxy = EngineProxy.OnSocket(TestEngine.Address(TestEngine.Containerd), project["docker.sock"]);
        project.Engine = proxy.Address;
        // The repository may lie where another user cannot look: command and package come along.
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(TestProject.Tool)!))
            File.Copy(file, Path.Combine(Directory.CreateDirectory(project["tools"]).FullName, Path.GetFileName(file)));
        File.Copy(Path.Combine(TestProject.Repository, "artifacts/feed", $"Envd.Sdk.{TestProject.Version}.nupkg"), Path.Combine(Directory.CreateDirectory(project["feed"]).FullName, $"Envd.Sdk.{TestProject.Version}.nupkg"));
        project.WriteFile("nuget.config", """<configuration><packageSources><clear /><add key="envd" value="feed" /></packageSources></configuration>""");
        var variables = new Dictionary<string, string?>(project.Variables) { ["NUGET_PACKAGES"] = Path.Combine(project.HomeFolder, "packages") };
        var chown = await Commands.RunAsync("chown", ["-R", "1234:4321", Path.GetDirectoryName(project.Folder)!, Path.GetDirectoryName(project.HomeFolder)!], "/", project.Variables, Token);
        Assert.AreEqual(0, chown.ExitCode, chown.All);
        string[] asUser = ["--reuid", "1234", "--regid", "4321", "--clear-groups", "dotnet", "exec", project["tools/envd.dll"]];
        var up = await Commands.RunAsync("setpriv", [.. asUser, "up", "--detach"], project.Folder, variables, Token);
        Assert.AreEqual(0, up.ExitCode, up.All);
        var result = await Commands.RunAsync("setpriv", [.. asUser, "exec", "--", "sh", "-c",
            "id -u; id -g; id -un; id -Gn; cat /tmp/uid; touch here.txt; sudo -n id -u; touch /opt/envd/python/lib/made && echo writable; python -m pip --version | cut -c1-3"], project.Folder, variables, Token);
        Assert.AreEqual("1234\n4321\nenvd\nenvd envd-env\n1234\n0\nwritable\npip\n", result.Output, result.All);
        var owner = await Commands.RunAsync("setpriv", ["--reuid", "1234", "--regid", "4321", "--clear-groups", "stat", "-c", "%u:%g", project["here.txt"]], project.Folder, project.Variables, Token);
        Assert.AreEqual("1234:4321\n", owner.Output);
        project.Engine = TestEngine.Address(TestEngine.Containerd);
    }

    private static string Address(CommandResult up, string service) =>
        up.Output.Split('\n').Single(l => l.StartsWith(service, StringComparison.Ordinal))[service.Length..].Trim();
}
