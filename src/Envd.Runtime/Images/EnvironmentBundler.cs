using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.Core.Bundles;
using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Llb;
using Envd.Runtime.Docker;
using Platform = Envd.Llb.Platform;

namespace Envd.Runtime.Images;

/// <summary>Gathers all that a locked build fetches into one OCI layout, for machines without a network.</summary>
public sealed class EnvironmentBundler(IBuildReporter reporter)
{
    /// <summary>Writes the bundle; what a folder of an older one has already is not fetched again.</summary>
    /// <param name="request">The project.</param>
    /// <param name="folder">The layout's folder, absolute.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Titles of steps that use the network even so.</returns>
    /// <exception cref="EnvdException">The project has no current lock, or something cannot be fetched.</exception>
    public async Task<IReadOnlyList<string>> WriteAsync(BuildRequest request, string folder, CancellationToken cancellationToken)
    {
        var spec = SpecFile.ReadEnvironment(await File.ReadAllBytesAsync(request.State.Spec, cancellationToken)) with { Personal = null };
        var run = SpecFile.ReadRun(await File.ReadAllBytesAsync(request.State.Run, cancellationToken));
        var held = (spec.Lock is null ? null : LockedGraph.Of(spec)) ?? throw new EnvdException(ErrorCodes.LockStale, "A bundle holds what a lock names, and the project has no lock that covers it.", "Run `envd lock`.", new SourcePosition(request.ProjectFile, 0, 0));
        var failure = new FailureExplainer(request.ProjectFile, PositionFiles.Read(request.State.Positions), spec);
        var origins = new Dictionary<string, string>();
        var transfers = new BuildTransfers(request, spec, run);
        return await EngineConnection.UseAsync(request.Engine, async () =>
        {
            try
            {
                using var client = new BuildKitClient(EngineConnection.AddressOf(request.Engine));
                var engine = await client.GetEngineAsync(cancellationToken);
                var planned = Planner.Plan(spec, engine.CanMerge && spec.Merge != "off");
                var graph = LockedGraph.Pin(planned, held);
                var platform = Platform.Parse(spec.Platform);
                foreach (var image in BundledGraph.Images(graph).DistinctBy(i => (i.Reference, i.Platform)))
                {
                    var own = image.Platform.Length > 0 ? Platform.Parse(image.Platform) : platform;
                    await client.BuildAsync(async (gateway, ct) =>
                    {
                        var moved = await PinnedSources.MovedImagesAsync(gateway, held, spec.Platform, ct);
                        var resolved = await gateway.ResolveImageAsync(moved.GetValueOrDefault((image.Reference, image.Platform), image.Reference), own, ct);
                        var state = State.Image(moved.GetValueOrDefault((image.Reference, image.Platform), image.Reference), own, new VertexOptions { Name = "image " + image.Reference });
                        return new GatewayResult(await gateway.SolveAsync(Marshaller.Marshal(state).Definition, ct), new Dictionary<string, ReadOnlyMemory<byte>> { ["containerimage.config"] = resolved.Configuration });
                    }, Options(transfers, folder, BundledGraph.TagOf(image.Reference, image.Platform)), cancellationToken);
                }
                await client.BuildAsync(async (gateway, ct) =>
                {
                    var (pinned, image) = await PinnedSources.PinAsync(gateway, planned, spec, failure, ct);
                    var lowered = GraphLowering.Lower(BundledGraph.PlanMaterials(pinned, held), ImageConfiguration.EnvironmentOf(image.Configuration.Span), ImageBuilder.ContextKeys(request, run), transfers.Proxy);
                    foreach (var (digest, origin) in lowered.Origins)
                        origins[digest] = origin;
                    return new GatewayResult(await gateway.SolveAsync(lowered.Definition, ct), new Dictionary<string, ReadOnlyMemory<byte>>());
                }, Options(transfers, folder, BundledGraph.Materials), cancellationToken);
                var files = LockFiles.Of(request.ProjectFile, run.Variant);
                foreach (var file in new[] { files.Python, files.System }.Where(File.Exists))
                    AtomicFile.WriteIfDifferent(Path.Combine(folder, Path.GetFileName(file)), await File.ReadAllBytesAsync(file, cancellationToken));
                return BundledGraph.Online(graph);
            }
            catch (SolveException e)
            {
                throw failure.Explain(e, origins);
            }
        });
    }

    private SolveOptions Options(BuildTransfers transfers, string folder, string tag) => new()
    {
        Exporters = [new ExporterOptions("oci", new Dictionary<string, string> { ["tar"] = "false", ["source-date-epoch"] = GraphLowering.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture) })],
        Session = transfers.Session([new OciLayoutExportTarget(folder, tag)]),
        Entitlements = transfers.Entitlements,
        Progress = reporter.Progress,
    };
}
