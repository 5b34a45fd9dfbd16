using System.Text.Json;
using Envd.BuildKit.Grpc;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb.Protocol;
using Platform = Envd.Llb.Platform;

namespace Envd.BuildKit.Client;

/// <summary>A connection to BuildKit, be it dockerd's or a buildkitd. Safe for concurrent use.</summary>
public sealed class BuildKitClient : IDisposable
{
    private const string Control = "/moby.buildkit.v1.Control/";

    // The engine ends the status stream with the build; one that does not within this time has nothing more to say.
    private static readonly TimeSpan StatusGrace = TimeSpan.FromSeconds(3);

    private readonly EngineDialer _dialer;
    private readonly IGrpcChannel _channel;

    /// <summary>Makes a client; the connection is opened by the first call.</summary>
    /// <param name="address">Where the engine listens.</param>
    /// <param name="connectTimeout">How long an engine may take to answer; ten seconds if null.</param>
    public BuildKitClient(EngineAddress address, TimeSpan? connectTimeout = null)
    {
        _dialer = new EngineDialer(address, connectTimeout ?? TimeSpan.FromSeconds(10));
        _channel = new GrpcChannel(_dialer);
    }

    /// <summary>The engine's address.</summary>
    public EngineAddress Address => _dialer.Address;

    /// <summary>Asks the engine what it is.</summary>
    /// <exception cref="EngineUnavailableException">Nothing answers.</exception>
    public async Task<EngineInfo> GetEngineAsync(CancellationToken cancellationToken)
    {
        var response = await _channel.UnaryAsync(Control + "ListWorkers", new ListWorkersRequest(), ListWorkersResponse.Parser, cancellationToken);
        if (response.Record is not [var worker, ..])
            throw new BuildKitException($"The engine at {Address} has no worker.");
        var platform = worker.Platforms is [var first, ..] ? new Platform(first.Os, first.Architecture, first.Variant) : new Platform("linux", "amd64");
        return new EngineInfo(worker.Id, platform, worker.Labels.ToDictionary(), Address.Kind == EngineKind.Docker);
    }

    /// <summary>Solves a definition.</summary>
    /// <exception cref="SolveException">A step failed, or the engine refused the build.</exception>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached, or was lost.</exception>
    public Task<SolveResult> SolveAsync(Definition definition, SolveOptions options, CancellationToken cancellationToken) =>
        RunAsync(definition, null, options, cancellationToken);

    /// <summary>Runs a build that <paramref name="build"/> drives.</summary>
    /// <inheritdoc cref="SolveAsync" path="/exception"/>
    public Task<SolveResult> BuildAsync(Func<Gateway, CancellationToken, Task<GatewayResult>> build, SolveOptions options,
        CancellationToken cancellationToken) => RunAsync(null, build, options, cancellationToken);

    /// <summary>What the engine's cache holds.</summary>
    public async Task<IReadOnlyList<CacheRecord>> GetDiskUsageAsync(CancellationToken cancellationToken)
    {
        var response = await _channel.UnaryAsync(Control + "DiskUsage", new DiskUsageRequest(), DiskUsageResponse.Parser, cancellationToken);
        return [.. response.Record.Select(r => new CacheRecord(r.Id, r.RecordType, r.Description, r.Size, r.InUse))];
    }

    /// <summary>Deletes cache records that nothing uses, and returns how many bytes that freed.</summary>
    /// <param name="all">Also what could still serve a build.</param>
    /// <param name="filters">Such as <c>type==exec.cachemount</c>; empty means everything.</param>
    /// <param name="cancellationToken">Ends the call; what is deleted stays so.</param>
    public async Task<long> PruneAsync(bool all, IReadOnlyList<string> filters, CancellationToken cancellationToken)
    {
        long freed = 0;
        await foreach (var record in _channel.ServerStreamAsync(Control + "Prune", new PruneRequest { All = all, Filter = { filters } },
            UsageRecord.Parser, cancellationToken))
            freed += record.Size;
        return freed;
    }

    /// <inheritdoc />
    public void Dispose() => _channel.Dispose();

    private async Task<SolveResult> RunAsync(Definition? definition, Func<Gateway, CancellationToken, Task<GatewayResult>>? build,
        SolveOptions options, CancellationToken cancellationToken)
    {
        var reference = Guid.NewGuid().ToString("N");
        var tracker = new ProgressTracker();
        await using var session = options.Session is null ? null : new BuildSession(options.Session);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var stopStatus = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Session, status and solve start together: each costs a round trip, and the engine waits for the session itself.
        var opening = session?.StartAsync(_dialer, _channel, cancellationToken) ?? Task.CompletedTask;
        var status = FollowAsync(reference, tracker, options.Progress, stopStatus.Token);
        var solve = _channel.UnaryAsync(Control + "Solve", Request(reference, definition, options, session?.Id),
            Protocol.SolveResponse.Parser, stop.Token);
        var driving = build is null ? Task.CompletedTask : DriveAsync(new Gateway(_channel, reference), build, solve, stop.Token);
        try
        {
            await opening;
            await driving;
            var response = await solve;
            await FinishAsync(status, stopStatus);
            return new SolveResult(response.ExporterResponse.ToDictionary(), tracker.Summaries());
        }
        catch (Exception e)
        {
            await stop.CancelAsync();
            await FinishAsync(status, stopStatus);
            await Task.WhenAll(opening, driving, solve).ContinueWith(static _ => { }, TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            // A file that could not be read here comes back from the engine as an echo of our own message.
            if (session?.Fault is { } fault)
                throw fault;
            if (e is RpcException rpc)
                throw Translate(rpc, tracker);
            throw;
        }
    }

    /// <summary>Runs the driver and hands its result, or its failure, to the engine, which then ends the solve.</summary>
    private static async Task DriveAsync(Gateway gateway, Func<Gateway, CancellationToken, Task<GatewayResult>> build, Task solve,
        CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var driver = BuildAndReturnAsync();
        if (await Task.WhenAny(driver, solve) == solve && !driver.IsCompleted)
        {
            // The engine ended the build first: its reason counts, not what the driver makes of it.
            await solve;
            await ended.CancelAsync();
            await driver.ContinueWith(static _ => { }, TaskScheduler.Default);
            return;
        }
        await driver;

        async Task BuildAndReturnAsync()
        {
            GatewayResult result;
            try
            {
                result = await build(gateway, ended.Token);
            }
            catch (Exception e) when (e is not OperationCanceledException and not EngineUnavailableException)
            {
                try
                {
                    await gateway.FailAsync(e.Message, ended.Token);
                }
                catch (Exception inner) when (inner is BuildKitException or OperationCanceledException)
                {
                    // The build is over either way; the first failure is the one to show.
                }
                throw;
            }
            await gateway.ReturnAsync(result, ended.Token);
        }
    }

    private async Task FollowAsync(string reference, ProgressTracker tracker, Action<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var response in _channel.ServerStreamAsync(Control + "Status", new StatusRequest { Ref = reference },
                StatusResponse.Parser, cancellationToken))
            {
                foreach (var item in tracker.Apply(response))
                    progress?.Invoke(item);
            }
        }
        catch (Exception e) when (e is RpcException or EngineUnavailableException or OperationCanceledException)
        {
            // Progress is for people: what ended the build is told by the solve itself.
        }
    }

    private static async Task FinishAsync(Task status, CancellationTokenSource stop)
    {
        try
        {
            await status.WaitAsync(StatusGrace);
        }
        catch (TimeoutException)
        {
            await stop.CancelAsync();
            await status;
        }
    }

    private static SolveRequest Request(string reference, Definition? definition, SolveOptions options, string? session)
    {
        var request = new SolveRequest
        {
            Ref = reference,
            Definition = definition,
            Session = session ?? "",
            Cache = new Protocol.CacheOptions(),
        };
        request.Entitlements.AddRange(options.Entitlements);
        for (var i = 0; i < options.Exporters.Count; i++)
        {
            var exporter = new Exporter { Type = options.Exporters[i].Type };
            exporter.Attrs.Add(options.Exporters[i].Attributes.ToDictionary());
            request.Exporters.Add(exporter);
            if (i == 0)
            {
                // Engines older than several exporters per solve read these.
                request.ExporterDeprecated = exporter.Type;
                request.ExporterAttrsDeprecated.Add(exporter.Attrs);
            }
        }
        request.Cache.Imports.AddRange(options.CacheImports.Select(Entry));
        request.Cache.Exports.AddRange(options.CacheExports.Select(Entry));
        return request;

        static CacheOptionsEntry Entry(CacheOptions cache)
        {
            var entry = new CacheOptionsEntry { Type = cache.Type };
            entry.Attrs.Add(cache.Attributes.ToDictionary());
            return entry;
        }
    }

    private static SolveException Translate(RpcException e, ProgressTracker tracker)
    {
        var digest = Detail(e, "errdefs.Vertex", "digest") ?? tracker.FirstFailure;
        var exit = Detail(e, "ExitMessage", "Code");
        return new SolveException(e.Message, e.Code, digest, digest is null ? "" : tracker.NameOf(digest),
            int.TryParse(exit, out var code) ? code : null, digest is null ? [] : tracker.LogTail(digest), e);
    }

    private static string? Detail(RpcException e, string type, string property)
    {
        foreach (var detail in e.Details)
        {
            if (!detail.Type.Contains(type, StringComparison.Ordinal))
                continue;
            try
            {
                using var json = JsonDocument.Parse(detail.Payload);
                foreach (var member in json.RootElement.EnumerateObject())
                    if (string.Equals(member.Name, property, StringComparison.OrdinalIgnoreCase))
                        return member.Value.ToString();
            }
            catch (JsonException)
            {
                // A detail of another encoding than the one known; the message itself still tells what happened.
            }
        }
        return null;
    }
}

/// <summary>A record of the engine's cache.</summary>
/// <param name="Id">The engine's id.</param>
/// <param name="Type">Such as <c>regular</c>, <c>source.local</c> or <c>exec.cachemount</c>.</param>
/// <param name="Description">What made it.</param>
/// <param name="Size">Bytes.</param>
/// <param name="InUse">A build or image holds it.</param>
public sealed record CacheRecord(string Id, string Type, string Description, long Size, bool InUse);
