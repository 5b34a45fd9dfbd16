using Envd.BuildKit.Grpc;
using Envd.BuildKit.Transport;

namespace Envd.BuildKit.Session;

/// <summary>
/// The way back from the engine to this client while a build runs: folders, blobs, credentials, secrets, ssh agents, and
/// what is exported to this machine. One session serves one solve; a broken one cannot be resumed.
/// </summary>
public sealed class BuildSession : IAsyncDisposable
{
    private const string SyncMethod = "/moby.filesync.v1.FileSync/DiffCopy";
    private const string SendMethod = "/moby.filesync.v1.FileSend/DiffCopy";

    private readonly SessionOptions _options;
    private readonly SessionServer _server;
    private readonly SessionFaults _faults = new();
    private Stream? _tunnel;

    /// <summary>Prepares a session; nothing is sent before <see cref="StartAsync"/>.</summary>
    /// <param name="options">What it offers.</param>
    /// <param name="silence">How long the engine may be silent before the session counts as broken.</param>
    public BuildSession(SessionOptions options, TimeSpan silence)
    {
        _options = options;
        var methods = new Dictionary<string, SessionMethod>(StringComparer.Ordinal);
        new FileSyncService(options.Folders, _faults).Register(methods);
        new ExportService(options.Exports, _faults).Register(methods);
        new ContentService(options.ContentStores, _faults).Register(methods);
        new AuthService(options.Credentials).Register(methods);
        new SecretsService(options.Secrets).Register(methods);
        new SshService(options.SshAgents).Register(methods);
        new HealthService().Register(methods);
        _server = new SessionServer(methods, silence);
    }

    /// <summary>The id that a solve names.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>What went wrong on this side first, such as a file that cannot be read; null while nothing has.</summary>
    public Exception? Fault => _faults.First;

    /// <summary>Ends when the connection does, be it that the engine closed it or that it no longer answers.</summary>
    internal Task Ended => _server.Ended;

    /// <summary>Connects the session to the engine and starts to answer.</summary>
    /// <exception cref="EngineUnavailableException">The engine cannot be reached.</exception>
    public async Task StartAsync(EngineDialer dialer, IGrpcChannel control, CancellationToken cancellationToken)
    {
        // A name in lower case for gRPC's metadata, read without regard to case by dockerd.
        KeyValuePair<string, string>[] headers =
        [
            new("x-docker-expose-session-uuid", Id),
            new("x-docker-expose-session-name", "envd"),
            new("x-docker-expose-session-sharedkey", ""),
            new("x-docker-expose-session-grpc-method", SyncMethod),
            new("x-docker-expose-session-grpc-method", SendMethod),
        ];
        _tunnel = dialer.Address.Kind == EngineKind.Docker
            ? await dialer.UpgradeAsync("/session", headers, cancellationToken)
            : new CallStream(await control.DuplexAsync("/moby.buildkit.v1.Control/Session", headers, cancellationToken));
        await _server.StartAsync(_tunnel, cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_tunnel is not null)
            await _tunnel.DisposeAsync();
        await _server.DisposeAsync();
        foreach (var agent in _options.SshAgents.Values)
            await agent.DisposeAsync();
    }
}

/// <summary>Collects what fails on this side: the engine's own message about it is often only an echo.</summary>
internal sealed class SessionFaults
{
    private Exception? _first;

    public Exception? First => _first;

    public void Add(Exception exception) => Interlocked.CompareExchange(ref _first, exception, null);
}
