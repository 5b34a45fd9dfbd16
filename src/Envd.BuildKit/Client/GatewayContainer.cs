using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.Gateway;
using Envd.Llb;
using Envd.Llb.Protocol;
using NetworkMode = Envd.Llb.NetworkMode;
using Platform = Envd.Llb.Platform;

namespace Envd.BuildKit.Client;

/// <summary>A container of the engine's, upon trees that a driven build has solved. It lives until it is disposed, or the build ends.</summary>
public sealed class GatewayContainer : IAsyncDisposable
{
    private readonly IGrpcChannel _channel;
    private readonly string _service;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly string _id = Guid.NewGuid().ToString("N");
    private bool _isOpen;

    internal GatewayContainer(IGrpcChannel channel, string service, IReadOnlyDictionary<string, string> metadata)
    {
        _channel = channel;
        _service = service;
        _metadata = metadata;
    }

    internal async Task CreateAsync(GatewayContainerOptions options, CancellationToken cancellationToken)
    {
        var request = new NewContainerRequest
        {
            ContainerId = _id,
            Network = options.Network switch { NetworkMode.Host => NetMode.Host, NetworkMode.None => NetMode.None, _ => NetMode.Unset },
            Hostname = options.HostName,
        };
        if (options.Platform is { } platform)
            request.Platform = new Llb.Protocol.Platform { Os = platform.OperatingSystem, Architecture = platform.Architecture, Variant = platform.Variant };
        request.ExtraHosts.AddRange(options.ExtraHosts.Select(h => new HostIp { Host = h.Host, Ip = h.Address }));
        request.Mounts.AddRange(options.Mounts.Prepend(new GatewayMount("/", options.Root)).Select(m =>
            new Mount { Dest = m.Target, ResultId = m.Reference.Id, Selector = m.Path, Readonly = m.IsReadOnly, MountType = MountType.Bind }));
        await _channel.UnaryAsync(_service + "NewContainer", request, NewContainerResponse.Parser, cancellationToken, _metadata);
        _isOpen = true;
    }

    /// <summary>
    /// Starts a process; the container's first one is its init, and what is started after it ends with it. One that fails is the last: engines give
    /// its code for every later one. A program that is not there ends with a code other than 0.
    /// </summary>
    /// <returns>The process, running.</returns>
    /// <exception cref="RpcException">The engine refuses to start it.</exception>
    public async Task<GatewayProcess> StartAsync(GatewayProcessOptions options, CancellationToken cancellationToken)
    {
        var call = await _channel.DuplexAsync(_service + "ExecProcess", [.. _metadata], cancellationToken);
        var process = new GatewayProcess(call, options);
        try
        {
            await process.StartAsync(_id, cancellationToken);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (!_isOpen)
            return;
        _isOpen = false;
        try
        {
            await _channel.UnaryAsync(_service + "ReleaseContainer", new ReleaseContainerRequest { ContainerId = _id }, ReleaseContainerResponse.Parser, CancellationToken.None, _metadata);
        }
        catch (BuildKitException)
        {
            // The build is over, and the container with it.
        }
    }
}

/// <summary>What a container is made of.</summary>
public sealed record GatewayContainerOptions
{
    /// <summary>The tree at <c>/</c>; it can be written to, and stays as it was.</summary>
    public required GatewayReference Root { get; init; }

    /// <summary>Other trees.</summary>
    public IReadOnlyList<GatewayMount> Mounts { get; init; } = [];

    /// <summary>Its network.</summary>
    public NetworkMode Network { get; init; }

    /// <summary>Empty is the engine's choice.</summary>
    public string HostName { get; init; } = "";

    /// <summary>Lines of /etc/hosts.</summary>
    public IReadOnlyList<ExtraHost> ExtraHosts { get; init; } = [];

    /// <summary>Null is the engine's.</summary>
    public Platform? Platform { get; init; }
}

/// <summary>A solved tree in a container.</summary>
/// <param name="Target">Absolute.</param>
/// <param name="Reference">The tree.</param>
/// <param name="Path">A file or folder of it; empty is all.</param>
/// <param name="IsReadOnly">It cannot be written to.</param>
public sealed record GatewayMount(string Target, GatewayReference Reference, string Path = "", bool IsReadOnly = false);

/// <summary>A process of a container.</summary>
public sealed record GatewayProcessOptions
{
    /// <summary>The argument vector.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>As <c>NAME</c> and value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Absolute.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>It has a terminal; its errors come with its output.</summary>
    public bool HasTerminal { get; init; }

    /// <summary>What it reads, to its end; null is nothing.</summary>
    public Stream? Input { get; init; }

    /// <summary>Where its output goes; null is nowhere.</summary>
    public Stream? Output { get; init; }

    /// <summary>Where its errors go; null is nowhere.</summary>
    public Stream? Error { get; init; }
}
