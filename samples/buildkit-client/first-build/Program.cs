using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

// The engine that the docker command would talk to, or BUILDKIT_HOST's.
using var client = new BuildKitClient(EngineAddress.FromEnvironment());

var state = State.Image("docker.io/library/debian:trixie", new Platform("linux", "amd64"))
    .Run(new ExecOptions { Arguments = ["/bin/sh", "-c", "cat /in/name > /greeting"], Mounts = [new BindMount("/in", State.Local("here", new LocalOptions()))] });
var result = State.Scratch.File([new CopyAction(state, "/greeting", "/")]);

await client.SolveAsync(Marshaller.Marshal(result).Definition, new SolveOptions
{
    Exporters = [new ExporterOptions("local")],
    Session = new SessionOptions
    {
        Folders = new Dictionary<string, LocalFolder> { ["here"] = new(Path.GetFullPath(args[0]), Ignore: []) },
        Exports = [new FolderExportTarget(Path.GetFullPath(args[1]))],
    },
}, CancellationToken.None);
