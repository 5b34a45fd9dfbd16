using System.Diagnostics;
using System.Text.Json;
using Envd.BuildKit.Transport;
using Envd.Runtime.Docker;

namespace Envd.EndToEnd.Tests;

/// <summary>A project in a folder of its own, with the packed SDK, a home of its own, and a name that no other test has.</summary>
internal sealed class TestProject : IDisposable
{
    private readonly TemporaryFolder _folder;
    private readonly TemporaryFolder _home = new("home");

    public TestProject(string store = TestEngine.Containerd, string folder = "project", string? name = null)
    {
        _folder = new TemporaryFolder(folder);
        Name = name ?? "t" + Guid.NewGuid().ToString("N")[..10];
        Engine = TestEngine.Address(store);
        _folder.Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="envd" value="{Path.Combine(Repository, "artifacts", "feed")}" />
              </packageSources>
            </configuration>
            """);
    }

    public static string Version => Variable("ENVD_TEST_VERSION");

    public static string Repository => Variable("ENVD_TEST_REPOSITORY");

    public static string Wheels => Variable("ENVD_TEST_WHEELS");

    /// <summary>The index of the wheels of the tests.</summary>
    public static string WheelsItem => $"""<PythonIndex Include="pypi" Url="{Wheels}" />""";

    /// <summary>An image without people's comforts.</summary>
    public const string Lean = "<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>";

    public string Name { get; }

    public string Folder => _folder.Path;

    public string Engine { get; set; }

    public string File => _folder[Name + ".csproj"];

    public string HomeFolder => _home.Path;

    public string this[string relative] => _folder[relative];

    /// <summary>What the processes of this test see beside their usual variables.</summary>
    public Dictionary<string, string?> OwnVariables { get; } = [];

    /// <summary>The environment of every process of this test.</summary>
    public Dictionary<string, string?> Variables => new(OwnVariables)
    {
        ["DOCKER_HOST"] = Engine,
        ["HOME"] = _home.Path,
        ["XDG_CONFIG_HOME"] = null,
        ["XDG_STATE_HOME"] = null,
        ["NUGET_PACKAGES"] = Path.Combine(Repository, "artifacts", "packages"),
        ["DOTNET_CLI_HOME"] = _home.Path,
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        ["DOTNET_NOLOGO"] = "1",
        ["DOTNET_SKIP_FIRST_TIME_EXPERIENCE"] = "1",
        ["MSBUILDDISABLENODEREUSE"] = "1",
    };

    /// <summary>Writes the project file: what stands inside of Project.</summary>
    public void Write(string body, string baseImage = "debian:trixie") => System.IO.File.WriteAllText(File, $"""
        <Project Sdk="Envd.Sdk/{Version}">
          <PropertyGroup>
            <ContainerBaseImage>{baseImage}</ContainerBaseImage>
            <ContainerImageTags>dev</ContainerImageTags>
          </PropertyGroup>
          {body}
        </Project>
        """);

    public string WriteFile(string relative, string text) => _folder.Write(relative, text);

    public void Replace(string old, string now)
    {
        var text = System.IO.File.ReadAllText(File);
        StringAssert.Contains(text, old);
        System.IO.File.WriteAllText(File, text.Replace(old, now, StringComparison.Ordinal));
    }

    public Task<CommandResult> DotNetAsync(CancellationToken cancellationToken, params string[] arguments) =>
        Commands.RunAsync("dotnet", arguments, Folder, Variables, cancellationToken);

    /// <summary>`dotnet build -t:EnvdImage`, which must succeed without a warning.</summary>
    public async Task<CommandResult> BuildImageAsync(CancellationToken cancellationToken, params string[] more)
    {
        var result = await DotNetAsync(cancellationToken, ["build", File, "-t:EnvdImage", "-tl:off", "-v:normal", .. more]);
        Assert.AreEqual(0, result.ExitCode, result.All);
        StringAssert.Contains(result.Output, "0 Warning(s)", result.All);
        return result;
    }

    public Process StartTool(params string[] arguments) =>
        Commands.Start("dotnet", ["exec", Tool, .. arguments], Folder, Variables);

    public Task<CommandResult> ToolAsync(CancellationToken cancellationToken, params string[] arguments) =>
        Commands.RunAsync("dotnet", ["exec", Tool, .. arguments], Folder, Variables, cancellationToken);

    /// <summary>`envd build`, and what became of each step.</summary>
    public async Task<IReadOnlyList<Step>> BuildStepsAsync(CancellationToken cancellationToken)
    {
        var result = await ToolAsync(cancellationToken, "build", "--project", File, "--progress", "Json");
        Assert.AreEqual(0, result.ExitCode, result.All);
        var steps = new Dictionary<string, Step>(StringComparer.Ordinal);
        foreach (var line in result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            var kind = json.RootElement.TryGetProperty("kind", out var k) ? k.GetString() : "Started";
            if (kind is "Completed" or "Cached")
            {
                var name = json.RootElement.GetProperty("name").GetString()!;
                steps[name] = new Step(name, kind == "Cached",
                    json.RootElement.TryGetProperty("started", out var s) ? s.GetDateTimeOffset() : default,
                    json.RootElement.TryGetProperty("completed", out var c) ? c.GetDateTimeOffset() : default);
            }
        }
        return [.. steps.Values];
    }

    /// <summary>The distribution's archive that the built image has its packages from.</summary>
    public async Task<string> ArchiveAsync(CancellationToken cancellationToken) =>
        (await InImageAsync("grep -ohE 'https?://[^ ]*/debian' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1", cancellationToken)).Trim();

    /// <summary>The environment, up.</summary>
    public async Task<CommandResult> UpAsync(CancellationToken cancellationToken)
    {
        var up = await ToolAsync(cancellationToken, "up", "--detach", "--progress", "Plain");
        Assert.AreEqual(0, up.ExitCode, up.All);
        return up;
    }

    public DockerApi Docker() => new(EngineAddress.Parse(EngineKind.Docker, Engine));

    /// <summary>Runs a shell command in the built image.</summary>
    public async Task<string> InImageAsync(string script, CancellationToken cancellationToken)
    {
        using var docker = Docker();
        var created = await docker.PostAsync("containers/create", new System.Text.Json.Nodes.JsonObject
        {
            ["Image"] = $"{Name}:dev",
            ["Entrypoint"] = new System.Text.Json.Nodes.JsonArray("/bin/sh", "-c", script),
            ["Tty"] = true,
        }, cancellationToken);
        var id = created!["Id"]!.GetValue<string>();
        try
        {
            await docker.PostAsync($"containers/{id}/start", null, cancellationToken);
            var ended = await docker.PostAsync($"containers/{id}/wait", null, cancellationToken);
            using var http = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = async (_, ct) => await new EngineDialer(EngineAddress.Parse(EngineKind.Docker, Engine), TimeSpan.FromSeconds(10)).DialAsync(ct),
            });
            var output = await http.GetStringAsync($"http://engine/containers/{id}/logs?stdout=1&stderr=1", cancellationToken);
            Assert.AreEqual(0, ended!["StatusCode"]!.GetValue<int>(), output);
            return output.Replace("\r\n", "\n", StringComparison.Ordinal);
        }
        finally
        {
            await docker.DeleteAsync($"containers/{id}?force=true", CancellationToken.None);
        }
    }

    /// <summary>Type, mode, owner, size or link target of everything in the image, and the content of what we write ourselves.</summary>
    public Task<string> FilesAsync(CancellationToken cancellationToken) => InImageAsync(
        "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /etc/hostname -o -path /etc/hosts -o -path /etc/resolv.conf -o -path /.dockerenv \\) -prune -o "
        + "\\( -type f -printf '%y %m %U:%G %s %p\\n' -o -printf '%y %m %U:%G %l %p\\n' \\) | LC_ALL=C sort; md5sum $(find /usr/lib/envd /etc/sudoers.d /opt -type f 2>/dev/null | LC_ALL=C sort); env | LC_ALL=C sort | grep -v '^HOSTNAME='", cancellationToken);

    /// <summary>The two plans gave the same files.</summary>
    public static void AssertSameFiles(string merged, string linear)
    {
        var (a, b) = (merged.Split('\n').ToHashSet(), linear.Split('\n').ToHashSet());
        var difference = a.Except(b).Select(l => "merged: " + l).Concat(b.Except(a).Select(l => "linear: " + l)).ToList();
        Assert.IsEmpty(difference, string.Join('\n', difference.Take(40)));
    }

    public void Dispose()
    {
        using (var docker = Docker())
        {
            docker.DeleteAsync($"containers/envd-{Name}?force=true", CancellationToken.None).GetAwaiter().GetResult();
            docker.DeleteAsync($"volumes/envd-{Name}-home?force=true", CancellationToken.None).GetAwaiter().GetResult();
            try
            {
                docker.DeleteAsync($"images/{Name}:dev?force=true", CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (DockerApiException)
            {
                // A test may have removed its image itself.
            }
        }
        _folder.Dispose();
        _home.Dispose();
    }

    public static string Tool
    {
        get
        {
            var native = Path.Combine(Repository, "artifacts", "tools", "linux-x64", "envd.dll");
            return System.IO.File.Exists(native) ? native : Path.Combine(Repository, "artifacts", "tools", "any", "envd.dll");
        }
    }

    private static string Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : throw new AssertFailedException($"{name} is not set: run the tests through eng/test.sh.");
}

/// <summary>A step of a build.</summary>
internal sealed record Step(string Name, bool Cached, DateTimeOffset Started, DateTimeOffset Completed);
