using Envd.BuildKit.Grpc;
using Envd.BuildKit.Transport;

namespace Envd.BuildKit.Session;

/// <summary>
/// The way back from the engine to this client while a build runs: folders, credentials, secrets, the ssh agent, and
/// what is exported to this machine. One session serves one solve; a broken one cannot be resumed.
/// </summary>
public sealed class BuildSession : IAsyncDisposable
{
    private const string SyncMethod = "/moby.filesync.v1.FileSync/DiffCopy";
    private const string SendMethod = "/moby.filesync.v1.FileSend/DiffCopy";

    private readonly SessionServer _server;
    private readonly SessionFaults _faults = new();
    private Stream? _tunnel;

    /// <summary>Prepares a session; nothing is sent before <see cref="StartAsync"/>.</summary>
    public BuildSession(SessionOptions options)
    {
        var methods = new Dictionary<string, SessionMethod>(StringComparer.Ordinal);
        new FileSyncService(options.Folders, _faults).Register(methods);
        new ExportService(options.Exports, _faults).Register(methods);
        new AuthService(options.Credentials).Register(methods);
        new SecretsService(options.Secrets).Register(methods);
        new SshService(options.SshAgentSocket).Register(methods);
        new HealthService().Register(methods);
        _server = new SessionServer(methods);
    }

    /// <summary>The id that a solve names.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>What went wrong on this side first, such as a file that cannot be read; null while nothing has.</summary>
    public Exception? Fault => _faults.First;

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
    }
}

/// <summary>What a session offers to the engine.</summary>
public sealed record SessionOptions
{
    /// <summary>Folders by the name of their <c>local://</c> source.</summary>
    public IReadOnlyDictionary<string, LocalFolder> Folders { get; init; } = new Dictionary<string, LocalFolder>();

    /// <summary>Where exports go, by the exporter's position in the solve.</summary>
    public IReadOnlyList<IExportTarget?> Exports { get; init; } = [];

    /// <summary>Registry credentials.</summary>
    public IRegistryCredentials Credentials { get; init; } = NoCredentials.Instance;

    /// <summary>Secrets by id; asked when a step wants one.</summary>
    public Func<string, ReadOnlyMemory<byte>?> Secrets { get; init; } = _ => null;

    /// <summary>The socket of the ssh agent that steps may use; null offers none.</summary>
    public string? SshAgentSocket { get; init; }
}

/// <summary>A folder of this machine.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Ignore">Patterns, as in .dockerignore, of what is never sent.</param>
public sealed record LocalFolder(string Path, IReadOnlyList<string> Ignore);

/// <summary>Where an export of the engine ends up.</summary>
public interface IExportTarget
{
    /// <summary>The exporter sends files (<c>local</c>) rather than one stream of bytes (<c>oci</c>, <c>docker</c>, <c>tar</c>).</summary>
    bool IsFolder { get; }

    /// <summary>The file or folder.</summary>
    string Path { get; }
}

/// <summary>An archive, written under a temporary name and moved when it is complete.</summary>
/// <param name="Path">Absolute.</param>
public sealed record FileExportTarget(string Path) : IExportTarget
{
    /// <inheritdoc />
    public bool IsFolder => false;
}

/// <summary>A folder that receives a file tree.</summary>
/// <param name="Path">Absolute.</param>
public sealed record FolderExportTarget(string Path) : IExportTarget
{
    /// <inheritdoc />
    public bool IsFolder => true;
}

/// <summary>Collects what fails on this side: the engine's own message about it is often only an echo.</summary>
internal sealed class SessionFaults
{
    private Exception? _first;

    public Exception? First => _first;

    public void Add(Exception exception) => Interlocked.CompareExchange(ref _first, exception, null);
}
