using System.Security.Cryptography;
using System.Text;
using static Envd.EndToEnd.Tests.TestFiles;

namespace Envd.EndToEnd.Tests;

/// <summary>Steps and stages: every kind of them, with secrets, agents and images of others.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class StepTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    [TestMethod]
    [DataRow(TestEngine.Containerd)]
    [DataRow(TestEngine.Graphdriver)]
    public async Task Steps_OfEveryKind(string store)
    {
        using var project = new TestProject(store);
        using var site = new TemporaryFolder();
        var archive = Archive("tool/run.sh", "#!/bin/sh\necho tool\n");
        File.WriteAllBytes(site["tool.tar.gz"], archive);
        site.Write("work/readme", "from git " + Guid.NewGuid());
        foreach (var line in new[] { "init -q -b main", "add .", "-c user.name=t -c user.email=t@t commit -qm one", "clone -q --bare . ../repo.git", "--git-dir=../repo.git update-server-info" })
            Assert.AreEqual(0, (await Commands.RunAsync("git", line.Split(' '), site["work"], new Dictionary<string, string?>(), Token)).ExitCode, line);
        using var server = FileServer.OfFolder(site.Path);
        project.WriteFile("source/a.txt", "a");
        project.WriteFile("secret.txt", "file's secret");
        const string token = "geheim $1 `x` \"y\"";
        project.Write($$"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <Mirror Include="downloads.example" Url="{{server.Address}}" />
              <Step Include="tool" Download="https://downloads.example/tool.tar.gz" Checksum="{{Convert.ToHexStringLower(SHA256.HashData(archive))}}" TargetPath="/opt/" Unpack="true" />
              <Step Include="plain" Download="https://downloads.example/tool.tar.gz" TargetPath="/srv/kept.tgz" Mode="0640" Owner="daemon:games" />
              <Step Include="repo" Git="{{server.Address}}/repo.git" Ref="main" TargetPath="/opt/repo" />
              <Step Include="file" WriteFile="one 'two'&#10;$three" TargetPath="/etc/demo/file" Mode="0660" Owner="10:20" />
              <Step Include="dir" MakeDirectory="/srv/data/deep" Mode="0777" />
              <Step Include="trash" WriteFile="x" TargetPath="/srv/trash.tmp" />
              <Step Include="gone" Delete="/srv/*.tmp" />
              <Stage Include="one" From="scratch" />
              <Step Include="f" Stage="one" WriteFile="one" TargetPath="/merged/one" />
              <Stage Include="two" From="scratch" />
              <Step Include="f" Stage="two" WriteFile="two" TargetPath="/merged/two" />
              <Stage Include="both" Merge="one;two" AddToImage="true" />
              <Step Include="mounts" Mounts="context:/source=/src; one:/merged/one=/one; tmpfs=/scratch" Run="cat /src/a.txt /one > /srv/mounted; touch /scratch/x; stat -f -c %T /scratch >> /srv/mounted" />
              <Secret Include="token" Source="env:TEST_TOKEN" EnvironmentVariable="TOKEN" />
              <Secret Include="file" Source="file:secret.txt" />
              <Step Include="secrets" Secrets="token;file" Run="test `printf %s &quot;$TOKEN&quot; | sha256sum | cut -c1-64` = {{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}} &amp;&amp; test &quot;`cat /run/secrets/file`&quot; = &quot;file's secret&quot; &amp;&amp; echo seen > /srv/seen" />
              <Step Include="cache" Cache="/var/cache/demo" CacheSharing="locked" Run="touch /var/cache/demo/x" />
              <PathEntry Include="/opt/tool" />
              <PathEntry Include="/opt/lib" Variable="LD_LIBRARY_PATH" />
            </ItemGroup>
            """);
        project.OwnVariables["TEST_TOKEN"] = token;
        var built = await project.BuildImageAsync(Token);
        Assert.DoesNotContain("geheim", built.All);
        var seen = await project.InImageAsync("run.sh; stat -c '%n %a %U %G' /srv/kept.tgz; stat -c '%n %a %u %g' /etc/demo/file; cat /etc/demo/file; stat -c '%n %a' /srv/data/deep; ls /srv | cat; cat /opt/repo/readme /merged/one /merged/two /srv/mounted; echo $LD_LIBRARY_PATH; ls -A /run/secrets 2>/dev/null | wc -l", Token);
        Assert.AreEqual($"""
            tool
            /srv/kept.tgz 640 daemon games
            /etc/demo/file 660 10 20
            one 'two'
            $three
            /srv/data/deep 777
            data
            kept.tgz
            mounted
            seen
            {File.ReadAllText(site["work/readme"])}one
            two
            aone
            tmpfs
            /opt/lib
            0

            """, seen);
        // The secret is in no file of the state folder, and in no layer's history.
        foreach (var file in Directory.GetFiles(project["obj"], "*", SearchOption.AllDirectories))
            Assert.DoesNotContain("geheim", File.ReadAllText(file), file);
        var requests = server.Requests.Count(r => r.Contains("tool.tar.gz", StringComparison.Ordinal));
        project.Replace("<ItemGroup>", "<ItemGroup><ContainerLabel Include=\"x\" Value=\"y\" />");
        await project.BuildImageAsync(Token);
        Assert.IsLessThanOrEqualTo(requests + 1, server.Requests.Count(r => r.Contains("tool.tar.gz", StringComparison.Ordinal)), "a download with a checksum was asked for again");
    }

    [TestMethod]
    public async Task Stages_DifferencesImagesAndPlatforms()
    {
        using var agent = await SshAgentProcess.StartAsync(Token);
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <Stage Include="changed" From="base" />
              <Step Include="change" Stage="changed" Run="mkdir -p /opt/new; echo 1 > /opt/new/file; rm /etc/issue.net" />
              <Stage Include="difference" From="changed" Diff="base" />
              <Step Include="look" Mounts="difference:/=/changed" Run="cd /changed &amp;&amp; find . -type f | sort > /srv/changed" />
              <Stage Include="arm" From="scratch" Platform="linux/arm64" />
              <Step Include="data" Stage="arm" WriteFile="of arm" TargetPath="/data" />
              <Step Include="data" FromStage="arm" Copy="/data" TargetPath="/srv/data" />
              <Step Include="image" FromImage="debian:trixie" Copy="/etc/debian_version" TargetPath="/srv/version" />
              <AptPackage Include="openssh-client" />
              <Step Include="key" SshAgent="true" Run="ssh-add -L | cut -d' ' -f3 > /srv/key" />
              <Step Include="somebody" User="games" Environment="WORDS=two words%3B three;SECOND=2" WorkingDirectory="/usr/games" Run="(id -un; pwd; echo &quot;$WORDS $SECOND&quot;) > /tmp/somebody" />
              <PathEntry Include="/opt/first" />
              <PathEntry Include="/opt/last" Position="append" />
            </ItemGroup>
            """);
        project.OwnVariables["SSH_AUTH_SOCK"] = agent.Socket;
        await project.BuildImageAsync(Token);
        Assert.AreEqual($"./opt/new/file\nof arm\n{SshAgentProcess.KeyName}\ngames\n/usr/games\ntwo words; three 2\n/opt/first\n/opt/last\nsame\n", await project.InImageAsync(
            "cat /srv/changed /srv/data; cat /srv/key /tmp/somebody; echo $PATH | tr : '\\n' | sed -n '1p;$p'; cmp /srv/version /etc/debian_version && echo same", Token));
    }

    [TestMethod]
    public async Task Secret_ThatIsNotSet_IsNamed()
    {
        using var project = new TestProject();
        project.Write("""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup><Secret Include="s" Source="env:ENVD_TEST_NOT_SET" /><Step Include="x" Run="true" Secrets="s" /></ItemGroup>
            """);
        var result = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        Assert.AreEqual(1, result.ExitCode);
        StringAssert.Contains(result.Output, "ENVD5004");
        StringAssert.Contains(result.Output, "ENVD_TEST_NOT_SET");
    }
}
