using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Envd.EndToEnd.Tests;

[TestClass]
[TestCategory("Engine")]
public sealed class BadInputTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private async Task<string> FailAsync(TestProject project, string code, int line)
    {
        var result = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off", "-v:quiet");
        Assert.AreNotEqual(0, result.ExitCode, result.All);
        var error = result.Output.Split('\n').FirstOrDefault(l => l.Contains($"error {code}", StringComparison.Ordinal));
        Assert.IsNotNull(error, result.All);
        if (line > 0)
            StringAssert.Contains(error, $"{project.Name}.csproj({line},", result.All);
        Assert.DoesNotContain("   at Envd.", result.All, "a stack trace was shown");
        return result.All;
    }

    [TestMethod]
    public async Task NoEngine_OneErrorWithAWayOut()
    {
        using var project = new TestProject();
        project.Write("");
        var engine = project.Engine;
        project.Engine = "unix:///nowhere/docker.sock";
        StringAssert.Contains(await FailAsync(project, "ENVD3001", 0), "envd doctor");
        project.Engine = engine;
    }

    [TestMethod]
    public async Task UnknownBaseImage_PointsAtTheProperty()
    {
        using var project = new TestProject();
        project.Write("", baseImage: "nowhere.invalid/none:1");
        await FailAsync(project, "ENVD4003", 3);
    }

    [TestMethod]
    public async Task UnknownAptPackage_ShowsAptsOwnWords()
    {
        using var project = new TestProject();
        project.Write("<ItemGroup>\n<AptPackage Include=\"less\" />\n<AptPackage Include=\"no-such-package-anywhere\" />\n</ItemGroup>");
        StringAssert.Contains(await FailAsync(project, "ENVD4002", 8), "Unable to locate package no-such-package-anywhere");
    }

    [TestMethod]
    public async Task UnknownPythonPackage_ShowsPipsOwnWords()
    {
        using var project = new TestProject();
        project.Write($"<ItemGroup>\n<PythonPackage Include=\"six\" />\n<PythonPackage Include=\"No.such_package\" />\n<PythonIndex Include=\"pypi\" Url=\"{TestProject.Wheels}\" />\n</ItemGroup>");
        StringAssert.Contains(await FailAsync(project, "ENVD4002", 8), "No matching distribution found for no-such-package");
    }

    [TestMethod]
    public async Task UnreachableIndex_IsNotAMissingPackage()
    {
        using var project = new TestProject();
        project.Write("<ItemGroup>\n<PythonPackage Include=\"six\" />\n<PythonIndex Include=\"pypi\" Url=\"http://127.0.0.1:9/simple\" />\n</ItemGroup>");
        StringAssert.Contains(await FailAsync(project, "ENVD4005", 7), "Connection refused");
    }

    [TestMethod]
    public async Task FailingStep_PointsAtItsLineBelowAMerge()
    {
        using var project = new TestProject();
        project.Write("<ItemGroup>\n<Stage Include=\"s\" From=\"base\" AddToImage=\"true\" />\n<Step Include=\"bad\" Stage=\"s\" Run=\"echo trouble here; exit 3\" />\n</ItemGroup>");
        var text = await FailAsync(project, "ENVD4001", 8);
        StringAssert.Contains(text, "trouble here");
        StringAssert.Contains(text, "exit code 3");
        StringAssert.Contains(text, "1 Error(s)", text);
    }

    [TestMethod]
    public async Task LessThanInAttribute_TheToolSaysWhatToWrite()
    {
        using var project = new TestProject();
        project.Write("<ItemGroup>\n<PythonPackage Include=\"six\" Version=\">=1,<2\" />\n</ItemGroup>");
        var result = await project.ToolAsync(Token, "build");
        Assert.AreEqual(2, result.ExitCode, result.All);
        StringAssert.Contains(result.Error, $"{project.Name}.csproj(7,");
        StringAssert.Contains(result.Error, "ENVD1014");
        StringAssert.Contains(result.Error, "[2.6,3)");
    }

    [TestMethod]
    public async Task UnwritableState_SaysWhich()
    {
        using var project = new TestProject();
        project.Write("");
        // A file where the folder should be: root may write anywhere else.
        project.WriteFile("obj", "");
        await FailAsync(project, "ENVD1015", 0);
    }

    [TestMethod]
    public async Task StrangeContext_IsSentOrRefusedButNeverHangs()
    {
        using var project = new TestProject();
        project.WriteFile("data/plain.txt", "plain");
        File.CreateSymbolicLink(project["data/dangling"], "nowhere");
        File.CreateSymbolicLink(project["data/loop"], "loop");
        File.CreateSymbolicLink(project["data/up"], "..");
        project.WriteFile("data/new\nline;$(touch x)-rf", "strange");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(project["data/socket"]));
        Assert.AreEqual(0, mkfifo(project["data/fifo"], 0x1B6));
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="copy" Copy="data/**" TargetPath="/data/" /></ItemGroup>""");
        await project.BuildImageAsync(Token);
        var listing = await project.InImageAsync("cd /data && ls -A1q | LC_ALL=C sort; readlink up loop dangling", Token);
        Assert.AreEqual("dangling\nfifo\nloop\nnew?line;$(touch x)-rf\nplain.txt\nup\n..\nloop\nnowhere\n", listing);

        // A name that is not UTF-8 cannot be carried: the error names the folder.
        Assert.AreEqual(0, mknod([.. System.Text.Encoding.UTF8.GetBytes(project["data/"]), 0xFF, 0xFE, 0], 0x81A4, 0));
        StringAssert.Contains(await FailAsync(project, "ENVD3006", 0), "not UTF-8");
        project.WriteFile(".dockerignore", "data/*\n!data/plain.txt\n");
        await FailAsync(project, "ENVD3006", 0);
    }

    [TestMethod]
    public async Task UnreadableFile_IsNamed()
    {
        using var project = new TestProject();
        project.WriteFile("data/secret.txt", "x");
        project.Write("""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="copy" Copy="data/**" TargetPath="/data/" /></ItemGroup>""");
        File.SetUnixFileMode(project["data/secret.txt"], UnixFileMode.None);
        if (Environment.UserName == "root")
        {
            // Root reads everything, so the build must carry the file, mode and all.
            await project.BuildImageAsync(Token);
            Assert.AreEqual("0\n", await project.InImageAsync("stat -c %a /data/secret.txt", Token));
            return;
        }
        StringAssert.Contains(await FailAsync(project, "ENVD3006", 0), "secret.txt");
    }

    [TestMethod]
    [DataRow("build")]
    [DataRow("msbuild")]
    public async Task CtrlC_EndsTheBuildAndItsContainers(string kind)
    {
        using var project = new TestProject();
        var seconds = Random.Shared.Next(100_000, 999_999);
        project.Write($"""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="wait" Run="test -e /go || sleep {seconds}" /></ItemGroup>""");
        // A shell's background job hands on SIGINT as ignored; at a terminal it is not.
        string[] command = kind == "build" ? ["exec", TestProject.Tool, "build", "--project", project.File] : ["build", project.File, "-t:EnvdImage", "-tl:off"];
        using var process = Commands.Start("env", ["--default-signal=INT", "dotnet", .. command], project.Folder, project.Variables);
        var output = Commands.FinishAsync(process, Token);
        await UntilAsync(() => IsRunning($"sleep\0{seconds}"), TimeSpan.FromSeconds(60));
        var clock = Stopwatch.StartNew();
        Assert.AreEqual(0, kill(process.Id, 2));
        await UntilAsync(() => !IsRunning($"sleep\0{seconds}"), TimeSpan.FromSeconds(5));
        Assert.IsLessThan(2000, clock.ElapsedMilliseconds, "the engine's container outlived the build");
        Assert.AreNotEqual(0, (await output).ExitCode);
        Assert.IsEmpty(Directory.GetFiles(project["obj/envd-lean"], "*.tmp"));
        Assert.IsEmpty(Directory.GetFiles(project["obj/envd-lean"], "image-*.json"));
        project.Replace($"test -e /go || sleep {seconds}", "echo right > /right");
        await project.BuildImageAsync(Token);
        Assert.AreEqual("right\n", await project.InImageAsync("cat /right", Token));
    }

    private static async Task UntilAsync(Func<bool> condition, TimeSpan within)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.IsLessThan(within, clock.Elapsed);
            await Task.Delay(20);
        }
    }

    // The private engine's containers are processes of this machine.
    private static bool IsRunning(string commandLine)
    {
        foreach (var folder in Directory.GetDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                if (File.ReadAllText(folder + "/cmdline").Contains(commandLine, StringComparison.Ordinal))
                    return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has just ended.
            }
        }
        return false;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int pid, int signal);

    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false)]
    private static extern int mkfifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int mknod(byte[] path, uint mode, ulong device);
}
