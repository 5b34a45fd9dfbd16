using System.Diagnostics;
using System.Globalization;
using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

// What bench/buildkit.sh times. `build` is one cold process that does what `docker buildx build` does; `marshal` and `where` time themselves.
switch (args)
{
    case ["build", var dockerfile, var folder, .. var output]:
        await BuildAsync(dockerfile, folder, output);
        return 0;
    case ["marshal"]:
        Marshal();
        return 0;
    case ["cached"]:
        await CachedAsync();
        return 0;
    default:
        Console.Error.WriteLine("build DOCKERFILE FOLDER [tar|local PATH] | marshal | cached");
        return 2;
}

static async Task BuildAsync(string dockerfile, string folder, string[] output)
{
    using var client = new BuildKitClient(EngineAddress.FromEnvironment());
    await client.SolveAsync(new FrontendOptions { Name = "dockerfile.v0", Attributes = new Dictionary<string, string> { ["filename"] = Path.GetFileName(dockerfile) } }, new SolveOptions
    {
        Exporters = output is [var type, _] ? [new ExporterOptions(type)] : [],
        Session = new SessionOptions
        {
            Folders = new Dictionary<string, LocalFolder> { ["context"] = new(folder, []), ["dockerfile"] = new(Path.GetDirectoryName(dockerfile)!, []) },
            Exports = output is ["tar", var file] ? [new FileExportTarget(file)] : output is ["local", var target] ? [new FolderExportTarget(target)] : [],
        },
    }, CancellationToken.None);
}

static void Marshal()
{
    // Warm: the first runs compile.
    for (var i = 0; i < 50; i++)
        Marshaller.Marshal(Chain(1000));
    foreach (var length in new[] { 1_000, 10_000, 100_000 })
    {
        var state = Chain(length);
        var times = new List<double>();
        long bytes = 0;
        for (var i = 0; i < 9; i++)
        {
            GC.Collect();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            Marshaller.Marshal(state);
            times.Add(clock.Elapsed.TotalMilliseconds);
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{length} {times[4]:0.0} {bytes / length}"));
    }
}

static State Chain(int length)
{
    var state = State.Image("docker.io/library/debian:trixie", new Platform("linux", "amd64"));
    for (var i = 0; i < length; i++)
        state = state.Run(new ExecOptions { Arguments = ["/bin/sh", "-c", string.Create(CultureInfo.InvariantCulture, $"echo {i}")] }, new VertexOptions { Name = "step" });
    return state;
}

static async Task CachedAsync()
{
    // Where the milliseconds of a cold process go, against the clock of the process' own start.
    var start = Process.GetCurrentProcess().StartTime;
    Report("main");
    var state = Chain(8);
    var definition = Marshaller.Marshal(state).Definition;
    Report("marshalled");
    using var client = new BuildKitClient(EngineAddress.FromEnvironment());
    await client.SolveAsync(definition, new SolveOptions(), CancellationToken.None);
    Report("solved");

    void Report(string what)
    {
        if (Environment.GetEnvironmentVariable("ENVD_BENCH_WHERE") is not null)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {(DateTime.Now - start).TotalMilliseconds:0}"));
    }
}
