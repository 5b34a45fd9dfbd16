using Envd.BuildKit;
using Envd.BuildKit.Client;
using Envd.BuildKit.Progress.Renderers;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;

// Builds a folder's Dockerfile: a live tree at a terminal, lines elsewhere.
using IProgressRenderer progress = Console.IsErrorRedirected ? new PlainProgress(Console.Error) : new TerminalProgress(Console.Error);
using var client = new BuildKitClient(EngineAddress.FromEnvironment());
var folder = new LocalFolder(Path.GetFullPath(args[0]), Ignore: []);
try
{
    await client.SolveAsync(new FrontendOptions { Name = "dockerfile.v0" }, new SolveOptions
    {
        Session = new SessionOptions { Folders = new Dictionary<string, LocalFolder> { ["context"] = folder, ["dockerfile"] = folder } },
        Progress = progress.Report,
    }, CancellationToken.None);
}
catch (BuildKitException e)
{
    progress.Dispose();
    Console.Error.WriteLine(e is SolveException failure ? FailureText.Of(failure) : e.Message);
    Environment.ExitCode = 1;
}
