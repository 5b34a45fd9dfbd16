using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Transport;
using Envd.Llb.Protocol;
using Google.Protobuf.WellKnownTypes;
using Platform = Envd.Llb.Platform;

namespace Envd.BuildKit.Client;

/// <summary>A connection to BuildKit, be it dockerd's or a buildkitd. Safe for concurrent use.</summary>
public sealed class BuildKitClient : IDisposable
{
    internal const string Control = "/moby.buildkit.v1.Control/";

    private readonly BuildKitClientOptions _options;
    private readonly EngineDialer _dialer;
    private readonly IGrpcChannel _channel;

    /// <summary>Makes a client; the connection is opened by the first call.</summary>
    /// <param name="address">Where the engine listens.</param>
    /// <param name="options">Its patience.</param>
    public BuildKitClient(EngineAddress address, BuildKitClientOptions? options = null)
    {
        _options = options ?? new BuildKitClientOptions();
        _dialer = new EngineDialer(address, _options.ConnectTimeout);
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
        var platforms = worker.Platforms.Select(p => new Platform(p.Os, p.Architecture, p.Variant)).ToArray();
        return new EngineInfo(worker.Id, platforms is [var first, ..] ? first : new Platform("linux", "amd64"), worker.Labels.ToDictionary(), Address.Kind == EngineKind.Docker)
        {
            Platforms = platforms,
        };
    }

    /// <summary>Solves a definition.</summary>
    /// <exception cref="SolveException">A step failed, or the engine refused the build.</exception>
    /// <exception cref="CapabilityException">The engine lacks what the build needs; nothing was run.</exception>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached, or was lost.</exception>
    /// <exception cref="FileSyncException">A file of this machine cannot be read or written.</exception>
    public Task<SolveResult> SolveAsync(Definition definition, SolveOptions options, CancellationToken cancellationToken) =>
        RunAsync(run => run.SolveAsync(definition, null), options, cancellationToken);

    /// <summary>Solves by a frontend of the engine: a Dockerfile by <c>dockerfile.v0</c>, say.</summary>
    /// <inheritdoc cref="SolveAsync(Definition, SolveOptions, CancellationToken)" path="/exception"/>
    public Task<SolveResult> SolveAsync(FrontendOptions frontend, SolveOptions options, CancellationToken cancellationToken) =>
        RunAsync(run => run.SolveAsync(null, frontend), options, cancellationToken);

    /// <summary>Runs a build that <paramref name="build"/> drives.</summary>
    /// <inheritdoc cref="SolveAsync(Definition, SolveOptions, CancellationToken)" path="/exception"/>
    public Task<SolveResult> BuildAsync(Func<Gateway, CancellationToken, Task<GatewayResult>> build, SolveOptions options,
        CancellationToken cancellationToken) => RunAsync(run => run.BuildAsync(build), options, cancellationToken);

    /// <summary>What the engine's cache holds.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="filters">Such as <c>type==source.local</c>; none is everything.</param>
    public async Task<IReadOnlyList<CacheRecord>> GetDiskUsageAsync(CancellationToken cancellationToken, IReadOnlyList<string>? filters = null)
    {
        var response = await _channel.UnaryAsync(Control + "DiskUsage", new DiskUsageRequest { Filter = { filters ?? [] } }, DiskUsageResponse.Parser, cancellationToken);
        return [.. response.Record.Select(r => new CacheRecord(r.Id, r.RecordType, r.Description, r.Size, r.InUse, r.Shared, r.CreatedAt?.ToDateTimeOffset(), r.LastUsedAt?.ToDateTimeOffset()))];
    }

    /// <summary>Deletes cache records that nothing uses, and returns how many bytes that freed.</summary>
    /// <param name="options">What is deleted.</param>
    /// <param name="cancellationToken">Ends the call; what is deleted stays so.</param>
    public async Task<long> PruneAsync(PruneOptions options, CancellationToken cancellationToken)
    {
        long freed = 0;
        var request = new PruneRequest { All = options.All, Filter = { options.Filters }, KeepDuration = options.KeepDuration.Ticks * 100, KeepBytes = options.KeepBytes };
        await foreach (var record in _channel.ServerStreamAsync(Control + "Prune", request, UsageRecord.Parser, cancellationToken))
            freed += record.Size;
        return freed;
    }

    /// <summary>The builds that the engine remembers, in its own order.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="activeOnly">Only those that run.</param>
    public async Task<IReadOnlyList<BuildRecord>> GetHistoryAsync(CancellationToken cancellationToken, bool activeOnly = false)
    {
        var result = new List<BuildRecord>();
        var request = new BuildHistoryRequest { ActiveOnly = activeOnly, EarlyExit = true };
        await foreach (var item in _channel.ServerStreamAsync(Control + "ListenBuildHistory", request, BuildHistoryEvent.Parser, cancellationToken))
            if (item is { Record: { } record, Type: not BuildHistoryEventType.Deleted })
                result.Add(new BuildRecord(record.Ref, record.Frontend, Time(record.CreatedAt), Time(record.CompletedAt), record.Error?.Message,
                    record.NumTotalSteps, record.NumCachedSteps, record.ExporterResponse.ToDictionary()));
        return result;

        static DateTimeOffset? Time(Timestamp? time) => time?.ToDateTimeOffset();
    }

    /// <summary>Makes the engine forget a build. What it built stays in the cache.</summary>
    public Task DeleteHistoryAsync(string reference, CancellationToken cancellationToken) =>
        _channel.UnaryAsync(Control + "UpdateBuildHistory", new UpdateBuildHistoryRequest { Ref = reference, Delete = true }, UpdateBuildHistoryResponse.Parser, cancellationToken);

    /// <inheritdoc />
    public void Dispose() => _channel.Dispose();

    private async Task<SolveResult> RunAsync(Func<SolveRun, Task<SolveResult>> solve, SolveOptions options, CancellationToken cancellationToken)
    {
        await using var run = new SolveRun(_dialer, _channel, _options, options, cancellationToken);
        return await solve(run);
    }
}

/// <summary>How long a client waits for an engine.</summary>
public sealed record BuildKitClientOptions
{
    /// <summary>For the first answer on a new connection: a listening socket alone proves nothing.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For any sign of life during a build; an engine that gives none is lost. <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</summary>
    public TimeSpan SilenceTimeout { get; init; } = TimeSpan.FromSeconds(12);
}
