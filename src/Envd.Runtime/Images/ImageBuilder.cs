using Envd.BuildKit;
using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.Core.Bills;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.Explain;
using Envd.Core.Graph;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Llb;
using Envd.Runtime.Docker;
using Platform = Envd.Llb.Platform;

namespace Envd.Runtime.Images;

/// <summary>What to build, and where.</summary>
/// <param name="State">The folder of env.spec.json.</param>
/// <param name="ProjectFile">Absolute, for messages.</param>
/// <param name="ContextDirectory">The folder that steps copy from.</param>
/// <param name="Engine">The engine.</param>
/// <param name="Verify">Asks the engine whether an image that should be there is.</param>
public sealed record BuildRequest(StateFolder State, string ProjectFile, string ContextDirectory, EngineSelection Engine, bool Verify);

/// <summary>From env.spec.json to an image in an engine, and the record of it.</summary>
public sealed class ImageBuilder(IBuildReporter reporter)
{
    private const int Attempts = 3;
    private const int BatchSize = 32;
    private const int ShownReasons = 3;

    /// <summary>Builds the image, unless the engine holds just this one.</summary>
    /// <exception cref="EnvdException">Anything that keeps the image from being built.</exception>
    public async Task<ImageRecord> BuildAsync(BuildRequest request, CancellationToken cancellationToken)
    {
        var recordFile = request.State.Image(request.Engine.Key);
        await using var buildLock = await BuildLock.AcquireAsync(request.State.Lock, reporter, cancellationToken);
        return await EngineConnection.UseAsync(request.Engine, async () =>
        {
            if (ImageRecord.Read(recordFile) is { } existing && existing.IsOf(request.State)
                && BuildTransfers.OutputsAreCurrent(SpecFile.ReadRun(await File.ReadAllBytesAsync(request.State.Run, cancellationToken)), request.State)
                && (!request.Verify || await ExistsAsync(request.Engine, existing, cancellationToken)))
            {
                // Another build made it while this one waited, or only the record's time was old.
                File.SetLastWriteTimeUtc(recordFile, DateTime.UtcNow);
                return existing;
            }
            // The digests are of what is about to be built: what changes meanwhile is built by the next build.
            var (specDigest, inputsDigest) = (ImageRecord.DigestOf(request.State.Spec), ImageRecord.DigestOf(request.State.Inputs));
            var record = await SolveAsync(request, push: false, cancellationToken);
            record = record with { SpecDigest = specDigest, InputsDigest = inputsDigest };
            record.Write(recordFile);
            return record;
        });
    }

    /// <summary>Builds the image, or finds it in the engine's cache, and pushes it to the registry that its name begins with.</summary>
    /// <exception cref="EnvdException">Anything that keeps the image from being built or pushed.</exception>
    public async Task<ImageRecord> PushAsync(BuildRequest request, CancellationToken cancellationToken)
    {
        await using var buildLock = await BuildLock.AcquireAsync(request.State.Lock, reporter, cancellationToken);
        return await EngineConnection.UseAsync(request.Engine, () => SolveAsync(request, push: true, cancellationToken));
    }

    private static async Task<bool> ExistsAsync(EngineSelection engine, ImageRecord record, CancellationToken cancellationToken)
    {
        if (engine.IsBuildKit)
            return true; // a plain buildkitd keeps no images to ask for
        using var docker = EngineConnection.OpenDocker(engine);
        var image = await docker.GetAsync($"images/{record.Reference}/json", cancellationToken);
        return image?["Id"]?.GetValue<string>() == record.Digest;
    }

    private async Task<ImageRecord> SolveAsync(BuildRequest request, bool push, CancellationToken cancellationToken)
    {
        var spec = SpecFile.ReadEnvironment(await File.ReadAllBytesAsync(request.State.Spec, cancellationToken));
        // What a person has added is for nobody else.
        if (push)
            spec = spec with { Personal = null };
        var run = SpecFile.ReadRun(await File.ReadAllBytesAsync(request.State.Run, cancellationToken));
        using var client = new BuildKitClient(EngineConnection.AddressOf(request.Engine));
        var engine = await client.GetEngineAsync(cancellationToken);
        var merge = spec.Merge switch
        {
            "off" => false,
            "on" when !engine.CanMerge => throw new EnvdException(ErrorCodes.EngineTooOld, $"EnvdMerge is on, and the engine at {client.Address} has no merge.",
                "Turn on its containerd image store (\"features\": {\"containerd-snapshotter\": true} in daemon.json), or leave EnvdMerge out."),
            _ => engine.CanMerge,
        };
        var positions = PositionFiles.Read(request.State.Positions);
        var failure = new FailureExplainer(request.ProjectFile, positions, spec);
        var platforms = Platforms(spec, run, engine, push);
        var graph = Planner.Plan(spec, merge);
        var baseDigest = "";
        var solved = graph;
        var packages = "";
        var transfers = new BuildTransfers(request, spec, run);
        var origins = new Dictionary<string, string>();
        for (var attempt = 1; ; attempt++)
            try
            {
                var prefetch = attempt > 1;
                var result = await client.BuildAsync(async (gateway, ct) =>
                {
                    if (prefetch)
                        await FetchInBatchesAsync(gateway, graph, ct);
                    var parts = new List<PlatformResult>();
                    foreach (var platform in platforms)
                    {
                        var own = spec with { Platform = platform };
                        var planned = platform == spec.Platform ? graph : Planner.Plan(own, merge);
                        var (pinned, image) = run.Bundle.Length > 0 ? PinnedSources.FromBundle(planned, own, run.Bundle, request) : await PinnedSources.PinAsync(gateway, planned, own, failure, ct);
                        var lowered = GraphLowering.Lower(pinned, ImageConfiguration.EnvironmentOf(image.Configuration.Span), ContextKeys(request, run),
                            transfers.Proxy);
                        foreach (var (digest, origin) in lowered.Origins)
                            origins[digest] = origin;
                        SourceMap.Attach(lowered.Definition, lowered.Origins, positions);
                        if (platform == spec.Platform)
                        {
                            baseDigest = image.Digest;
                            solved = pinned;
                            WriteSolvedGraph(request, pinned, lowered);
                        }
                        var reference = await gateway.SolveAsync(lowered.Definition, ct);
                        Attestation[] attestations = [];
                        if (run.BillOfMaterials)
                        {
                            var installed = await PackagesAsync(gateway, reference, ct);
                            if (platform == spec.Platform)
                                packages = installed;
                            if (push)
                                attestations = [await AttestAsync(gateway, BillOfMaterials.Write(own, "", installed), ct)];
                        }
                        parts.Add(new PlatformResult(Platform.Parse(platform), reference, ImageConfiguration.Merge(image.Configuration.Span, planned.Image, platform)) { Attestations = attestations });
                    }
                    return parts is [{ Attestations.Count: 0 } only]
                        ? new GatewayResult(only.Reference, new Dictionary<string, ReadOnlyMemory<byte>> { ["containerimage.config"] = only.Configuration })
                        : new GatewayResult(parts);
                }, Options(transfers, spec, run, engine, push), cancellationToken);
                if (!push)
                    Explain(request, solved, result, baseDigest);
                var record = Record(request, spec, engine, graph, result, baseDigest);
                if (run.BillOfMaterials && !push)
                    AtomicFile.WriteIfDifferent(request.State.BillOfMaterials(request.Engine.Key), BillOfMaterials.Write(spec, record.Digest, packages));
                return record;
            }
            catch (SolveException e) when (FailedDownload(e, graph) is { } download)
            {
                var found = await DownloadDiagnosis.AskAsync(download, cancellationToken);
                if (!found.IsThere || attempt == Attempts)
                    throw failure.Download(e, download, found, origins);
                reporter.Info($"'{e.Step!.Name}' was cut off; trying again.");
            }
            catch (SolveException e)
            {
                throw failure.Explain(e, origins);
            }
            catch (FileSyncException e)
            {
                throw run.Outputs.Any(o => e.Message.Contains(o.Path, StringComparison.Ordinal)) || e.Message.Contains("export", StringComparison.Ordinal)
                    ? new EnvdException(ErrorCodes.ContextUnreadable, $"An EnvdOutput could not be written: {e.Message}", "Make its folder writable and free some space; devices go into an archive only.", inner: e)
                    : new EnvdException(ErrorCodes.ContextUnreadable, $"The project's files could not be sent: {e.Message}", "Make the file readable, or list it in .dockerignore.", inner: e);
            }
    }

    private static DownloadOperation? FailedDownload(SolveException e, EnvironmentGraph graph) =>
        e.Step is { Name.Length: > 0 } step ? graph.Nodes.FirstOrDefault(n => n.Title == step.Name)?.Operation as DownloadOperation : null;

    /// <summary>Fetches what the engine lacks a few at a time: a server that many connections at once are too much for has a chance so.</summary>
    private static async Task FetchInBatchesAsync(Gateway gateway, EnvironmentGraph graph, CancellationToken cancellationToken)
    {
        foreach (var batch in graph.Nodes.Select(n => (n.Title, Operation: n.Operation as DownloadOperation)).Where(n => n.Operation is not null).Chunk(BatchSize))
        {
            var files = batch.Select((n, i) => (FileAction)new CopyAction(State.Http(n.Operation!.Url, n.Operation.Checksum, n.Operation.FileName, 0x1A4, new VertexOptions { Name = n.Title }), "/" + n.Operation.FileName,
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/{i}")));
            await gateway.SolveAsync(Marshaller.Marshal(State.Scratch.File([.. files])).Definition, cancellationToken);
        }
    }

    /// <summary>One platform for this machine; all of them for what leaves it.</summary>
    private static IReadOnlyList<string> Platforms(EnvironmentSpec spec, RunSpec run, EngineInfo engine, bool push)
    {
        if (spec.Platforms.Count == 0 || !(push || run.Outputs.Any(o => o.Type == "oci")))
            return [spec.Platform];
        return engine.ImageStore == "graphdriver"
            ? throw new EnvdException(ErrorCodes.EngineTooOld, "EnvdPlatforms names several platforms, and this engine keeps images of one.",
                "Turn on its containerd image store (\"features\": {\"containerd-snapshotter\": true} in daemon.json).")
            : spec.Platforms;
    }

    /// <summary>A bill of materials that the image brings along, where BuildKit's own scanners would leave theirs.</summary>
    private static async Task<Attestation> AttestAsync(Gateway gateway, byte[] document, CancellationToken cancellationToken)
    {
        const string path = "/sbom.spdx.json";
        var file = State.Scratch.File([new MakeFileAction(path, document, 0x1A4)], new VertexOptions { Name = "list what is in the image" });
        return new Attestation(await gateway.SolveAsync(Marshaller.Marshal(file).Definition, cancellationToken), path, "https://spdx.dev/Document");
    }

    /// <summary>What dpkg says is installed; empty where the image has none.</summary>
    private static async Task<string> PackagesAsync(Gateway gateway, GatewayReference reference, CancellationToken cancellationToken)
    {
        try
        {
            return System.Text.Encoding.UTF8.GetString((await gateway.ReadFileAsync(reference, "/var/lib/dpkg/status", cancellationToken)).Span);
        }
        catch (RpcException)
        {
            return "";
        }
    }

    private SolveOptions Options(BuildTransfers transfers, EnvironmentSpec spec, RunSpec run, EngineInfo engine, bool push)
    {
        var exporters = new List<ExporterOptions> { push ? PushExporter(spec, run, engine) : Exporter(spec, engine) };
        var targets = new List<IExportTarget?> { null };
        if (!push)
        {
            foreach (var (exporter, target) in transfers.Outputs())
            {
                exporters.Add(exporter);
                targets.Add(target);
            }
        }
        return new SolveOptions
        {
            Exporters = exporters,
            CacheImports = transfers.CacheFrom(),
            CacheExports = push ? [] : transfers.CacheTo(),
            Entitlements = transfers.Entitlements,
            Session = transfers.Session(targets),
            Attestations = push && run.Provenance.Length > 0 ? new Dictionary<string, string> { ["provenance"] = "mode=" + run.Provenance } : new Dictionary<string, string>(),
            Progress = reporter.Progress,
        };
    }

    private static ExporterOptions PushExporter(EnvironmentSpec spec, RunSpec run, EngineInfo engine) => engine.ImageStore == "graphdriver"
        ? throw new EnvdException(ErrorCodes.EngineTooOld, "This engine pushes no image that BuildKit has built.",
            $"Turn on its containerd image store (\"features\": {{\"containerd-snapshotter\": true}} in daemon.json), or run `docker push {spec.Image}`.")
        : new ExporterOptions("image", new Dictionary<string, string>
        {
            ["name"] = spec.Image,
            ["push"] = "true",
            ["compression"] = run.Compression,
            ["source-date-epoch"] = GraphLowering.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture),
        });

    private static ExporterOptions Exporter(EnvironmentSpec spec, EngineInfo engine)
    {
        var attributes = new Dictionary<string, string>
        {
            ["name"] = spec.Image,
            ["source-date-epoch"] = GraphLowering.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        if (engine.CanMerge)
        {
            // An image of this machine is unpacked at once: compressing its layers costs more than all the rest of an export.
            attributes["compression"] = "uncompressed";
        }
        return new ExporterOptions(engine.IsDocker ? "moby" : "image", attributes);
    }

    /// <summary>Tells one folder's transfers from another's, without naming the folder.</summary>
    internal static Dictionary<string, string> ContextKeys(BuildRequest request, RunSpec run) =>
        run.IndexContexts.Append(new("context", request.ContextDirectory)).Concat(run.ReferencedFolders().Select(r => KeyValuePair.Create(r.Name, r.Folder)))
            .ToDictionary(f => f.Key, f => new EngineSelection(f.Value, false, "").Key, StringComparer.Ordinal);

    private static void WriteSolvedGraph(BuildRequest request, EnvironmentGraph graph, MarshalledGraph lowered)
    {
        var bytes = graph.ToBytes();
        var path = request.State.SolvedGraph(request.Engine.Key);
        if (AtomicFile.ReadOrNull(request.State.Graph) is { } emitted && bytes.AsSpan().SequenceEqual(emitted))
            File.Delete(path);
        else
            AtomicFile.WriteIfDifferent(path, bytes);
    }

    /// <summary>Writes down what ran and why, and says the first reasons where something ran again.</summary>
    private void Explain(BuildRequest request, EnvironmentGraph solved, SolveResult result, string baseDigest)
    {
        var before = BuiltFrom.Read(request.State, request.Engine.Key);
        var now = new BuiltFrom(solved, AtomicFile.ReadOrNull(request.State.Inputs) ?? "[]"u8.ToArray(), baseDigest);
        var steps = Report(result).Steps;
        var comparison = new BuildComparison(before, now, steps.Where(s => !s.Cached).Select(s => s.Title));
        steps = [.. steps.Select(s => s.Cached ? s : s with { Reason = comparison.Reason(s.Title) is { Length: > 0 } reason ? reason : null })];
        AtomicFile.Write(request.State.Build(request.Engine.Key), new BuildReport(steps).ToBytes());
        now.Write(request.State, request.Engine.Key);
        if (before is null)
            return;
        var again = steps.Where(s => s.Reason is not null).OrderBy(s => BuildComparison.IsConsequence(s.Reason!)).ToList();
        foreach (var step in again.Take(ShownReasons))
            reporter.Info($"ran '{step.Title}': {step.Reason}");
        if (again.Count > ShownReasons)
            reporter.Info($"and {again.Count - ShownReasons} more; `envd explain` lists them");
    }

    private static BuildReport Report(SolveResult result) => new([.. result.Vertices.Where(v => v.Completed is not null)
        .Select(v => new BuiltStep(v.Name, v.Cached, v is { Started: { } started, Completed: { } completed } ? Math.Round((completed - started).TotalSeconds, 3) : 0))]);

    private static ImageRecord Record(BuildRequest request, EnvironmentSpec spec, EngineInfo engine, EnvironmentGraph graph, SolveResult result, string baseDigest)
    {
        var manifest = result.Exporter.GetValueOrDefault("containerimage.digest", "");
        var config = result.Exporter.GetValueOrDefault("containerimage.config.digest", "");
        return new ImageRecord
        {
            Engine = request.Engine.Address,
            EngineId = engine.WorkerId,
            ImageStore = engine.ImageStore,
            Plan = graph.Plan,
            Platform = spec.Platform,
            Reference = spec.Image,
            Digest = engine.ImageStore == "graphdriver" ? config : manifest,
            ConfigDigest = config,
            BaseDigest = baseDigest,
            SpecDigest = "",
            InputsDigest = "",
        };
    }
}
