using System.Runtime.ExceptionServices;
using Envd.BuildKit.Grpc;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb.Protocol;

namespace Envd.BuildKit.Client;

/// <summary>
/// One solve with all that runs beside it: the session, the status stream, the driver of a gateway build, and a watch on whether the engine
/// still lives. The first of them that fails decides what the caller is told.
/// </summary>
internal sealed class SolveRun : IAsyncDisposable
{
    // The engine ends the status stream with the build; one that does not within this time has nothing more to say.
    private static readonly TimeSpan StatusGrace = TimeSpan.FromSeconds(3);

    private readonly EngineDialer _dialer;
    private readonly IGrpcChannel _channel;
    private readonly BuildKitClientOptions _client;
    private readonly SolveOptions _options;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _stopStatus;
    private readonly string _reference = Guid.NewGuid().ToString("N");
    private readonly ProgressTracker _tracker = new();
    private readonly List<Definition> _definitions = [];
    private readonly SolveTransfers _transfers;
    private readonly BuildSession? _session;

    // What the driver itself failed of; the engine's end of the solve is an echo of it.
    private Exception? _driverFault;

    public SolveRun(EngineDialer dialer, IGrpcChannel channel, BuildKitClientOptions client, SolveOptions options, CancellationToken cancellationToken)
    {
        _dialer = dialer;
        _channel = channel;
        _client = client;
        _options = options;
        _cancellationToken = cancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stopStatus = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _transfers = new SolveTransfers(options);
        _session = _transfers.Session is { } session ? new BuildSession(session, client.SilenceTimeout) : null;
    }

    public Task<SolveResult> SolveAsync(Definition? definition, FrontendOptions? frontend)
    {
        if (definition is not null)
            _definitions.Add(definition);
        var request = Request();
        request.Definition = definition;
        if (frontend is not null)
        {
            request.Frontend = frontend.Name;
            foreach (var (name, value) in frontend.Attributes)
                request.FrontendAttrs[name] = value;
            foreach (var (name, input) in frontend.Inputs)
                request.FrontendInputs[name] = input;
        }
        return RunAsync(request, null);
    }

    public Task<SolveResult> BuildAsync(Func<Gateway, CancellationToken, Task<GatewayResult>> build) => RunAsync(Request(), build);

    public async ValueTask DisposeAsync()
    {
        if (_session is not null)
            await _session.DisposeAsync();
        _stop.Dispose();
        _stopStatus.Dispose();
    }

    private async Task<SolveResult> RunAsync(SolveRequest request, Func<Gateway, CancellationToken, Task<GatewayResult>>? build)
    {
        // Session, status and solve start together: each costs a round trip, and the engine waits for the session itself.
        var opening = _session?.StartAsync(_dialer, _channel, _stop.Token) ?? Task.CompletedTask;
        var status = FollowAsync();
        var solve = _channel.UnaryAsync(BuildKitClient.Control + "Solve", request, Protocol.SolveResponse.Parser, _stop.Token);
        var driving = build is null ? Task.CompletedTask : DriveAsync(new Gateway(_channel, _reference, _definitions.Add), build, solve);
        var watching = WatchAsync(opening);
        try
        {
            await FirstFailureAsync(solve, opening, driving, watching);
            var response = await solve;
            await FinishAsync(status);
            var answers = response.ExporterResponse.ToDictionary();
            _transfers.Complete(answers);
            return new SolveResult(answers, _tracker.Summaries(), _tracker.Warnings);
        }
        catch (Exception e)
        {
            await _stop.CancelAsync();
            if (e is EngineUnavailableException)
                await _stopStatus.CancelAsync();
            await FinishAsync(status);
            await Task.WhenAll(opening, driving, solve).ContinueWith(static _ => { }, TaskScheduler.Default);
            _cancellationToken.ThrowIfCancellationRequested();
            var cause = _driverFault ?? e;
            // A file that could not be read here comes back from the engine as an echo of our own message.
            if (_session?.Fault is { } fault)
                throw fault;
            if (cause is RpcException rpc)
                throw SolveFailure.Translate(rpc, _tracker, _definitions);
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
        finally
        {
            await _stop.CancelAsync();
            await watching.ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>Ends with the solve, or throws as soon as anything that it needs has failed.</summary>
    private static async Task FirstFailureAsync(Task solve, params Task[] others)
    {
        var open = others.Append(solve).ToList();
        while (!solve.IsCompleted)
        {
            var ended = await Task.WhenAny(open);
            open.Remove(ended);
            await ended;
        }
        await solve;
        await others[0];
        await others[1];
    }

    /// <summary>Throws when the engine gives no sign of life: what is silent on its own is asked.</summary>
    private async Task WatchAsync(Task opening)
    {
        if (_client.SilenceTimeout == Timeout.InfiniteTimeSpan)
            return;
        await opening;
        var ended = _session?.Ended ?? Task.Delay(Timeout.Infinite, _stop.Token);
        while (true)
        {
            if (await Task.WhenAny(ended, Task.Delay(_client.SilenceTimeout / 4, _stop.Token)) == ended)
            {
                _stop.Token.ThrowIfCancellationRequested();
                // An engine that ends a build closes its session first, so the solve has a moment to say why.
                await Task.Delay(TimeSpan.FromSeconds(1), _stop.Token);
                throw Lost("its session with this client broke");
            }
            _stop.Token.ThrowIfCancellationRequested();
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(_client.SilenceTimeout * 3 / 4);
            try
            {
                await _channel.UnaryAsync(BuildKitClient.Control + "Info", new InfoRequest(), InfoResponse.Parser, limit.Token);
            }
            catch (RpcException)
            {
                // An engine too old for the question has answered it all the same.
            }
            catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
            {
                throw Lost($"it has not answered for {_client.SilenceTimeout.TotalSeconds:0.#} s");
            }
        }
    }

    private EngineUnavailableException Lost(string reason) =>
        new(_dialer.Address.ToString(), $"The connection to the engine at {_dialer.Address} was lost: {reason}.", wasConnected: true);

    /// <summary>Runs the driver and hands its result, or its failure, to the engine, which then ends the solve.</summary>
    private async Task DriveAsync(Gateway gateway, Func<Gateway, CancellationToken, Task<GatewayResult>> build, Task solve)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var driver = BuildAndReturnAsync();
        if (await Task.WhenAny(driver, solve) == solve && !driver.IsCompleted)
        {
            // The engine ended the build first: its reason counts, not what the driver makes of it.
            if (_driverFault is null)
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
                _driverFault = solve.IsCompleted ? null : e;
                try
                {
                    await gateway.FailAsync(e.Message, ended.Token);
                    // What failed stays failed for every build beside this one until the engine has let go of it.
                    await Task.WhenAny(solve, Task.Delay(StatusGrace, ended.Token));
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

    private async Task FollowAsync()
    {
        try
        {
            await foreach (var response in _channel.ServerStreamAsync(BuildKitClient.Control + "Status", new StatusRequest { Ref = _reference },
                StatusResponse.Parser, _stopStatus.Token))
            {
                foreach (var item in _tracker.Apply(response))
                    _options.Progress?.Invoke(item);
            }
        }
        catch (Exception e) when (e is RpcException or EngineUnavailableException or OperationCanceledException || _stopStatus.IsCancellationRequested)
        {
            // Progress is for people: what ended the build is told by the solve itself.
        }
    }

    private async Task FinishAsync(Task status)
    {
        try
        {
            await status.WaitAsync(StatusGrace);
        }
        catch (TimeoutException)
        {
            await _stopStatus.CancelAsync();
            await status;
        }
    }

    private SolveRequest Request()
    {
        var request = new SolveRequest
        {
            Ref = _reference,
            Session = _session?.Id ?? "",
            Internal = !_options.KeepHistory,
            Cache = new Protocol.CacheOptions(),
        };
        request.Entitlements.AddRange(_options.Entitlements);
        foreach (var (kind, value) in _options.Attestations)
            request.FrontendAttrs["attest:" + kind] = value;
        if (_options.SourcePolicy is { } policy)
        {
            request.SourcePolicy = new Protocol.Policy.Policy { Version = 1 };
            request.SourcePolicy.Rules.AddRange(policy.Rules.Select(ToRule));
        }
        request.Exporters.AddRange(_transfers.Exporters);
        if (request.Exporters is [var first, ..])
        {
            // Engines older than several exporters per solve read these.
            request.ExporterDeprecated = first.Type;
            request.ExporterAttrsDeprecated.Add(first.Attrs);
        }
        request.Cache.Imports.AddRange(_transfers.CacheImports);
        request.Cache.Exports.AddRange(_transfers.CacheExports);
        return request;
    }

    private static Protocol.Policy.Rule ToRule(SourcePolicyRule rule) => new()
    {
        Action = (Protocol.Policy.PolicyAction)rule.Action,
        Selector = new Protocol.Policy.Selector { Identifier = rule.Selector },
        Updates = rule.Action == SourcePolicyAction.Convert ? new Protocol.Policy.Update { Identifier = rule.Replacement } : null,
    };
}
