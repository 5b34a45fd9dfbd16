using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.Gateway;
using Envd.Llb.Protocol;
using Google.Protobuf;
using Platform = Envd.Llb.Platform;

namespace Envd.BuildKit.Client;

/// <summary>
/// A build that this client drives (BuildKit's frontend gateway): it may ask the engine about images before it decides what to solve.
/// </summary>
public sealed class Gateway
{
    private const string Service = "/moby.buildkit.v1.frontend.LLBBridge/";

    private readonly IGrpcChannel _channel;
    private readonly IReadOnlyDictionary<string, string> _metadata;

    internal Gateway(IGrpcChannel channel, string reference)
    {
        _channel = channel;
        _metadata = new Dictionary<string, string> { ["buildkit-controlapi-buildid"] = reference };
    }

    /// <summary>The capabilities of LLB that the engine has, without those that it has turned off.</summary>
    public async Task<IReadOnlySet<string>> GetCapabilitiesAsync(CancellationToken cancellationToken)
    {
        var pong = await _channel.UnaryAsync(Service + "Ping", new PingRequest(), PongResponse.Parser, cancellationToken, _metadata);
        return pong.LlbCaps.Where(c => c.Enabled).Select(c => c.Id).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Finds an image's digest and configuration, in the engine's own store first.</summary>
    /// <exception cref="RpcException">There is no such image, or its registry does not answer.</exception>
    public async Task<ResolvedImage> ResolveImageAsync(string reference, Platform platform, CancellationToken cancellationToken)
    {
        var response = await _channel.UnaryAsync(Service + "ResolveImageConfig", new ResolveImageConfigRequest
        {
            Ref = reference,
            Platform = new Llb.Protocol.Platform { Os = platform.OperatingSystem, Architecture = platform.Architecture, Variant = platform.Variant },
            ResolveMode = "default",
            LogName = $"resolve {reference}",
        }, ResolveImageConfigResponse.Parser, cancellationToken, _metadata);
        return new ResolvedImage(reference, response.Digest, response.Config.Memory);
    }

    /// <summary>Solves a graph and waits for it.</summary>
    public async Task<GatewayReference> SolveAsync(Definition definition, CancellationToken cancellationToken)
    {
        var response = await _channel.UnaryAsync(Service + "Solve", new GatewaySolveRequest
        {
            Definition = definition,
            AllowResultReturn = true,
            AllowResultArrayRef = true,
            Evaluate = true,
        }, GatewaySolveResponse.Parser, cancellationToken, _metadata);
        return new GatewayReference(response.Result?.Ref?.Id ?? "");
    }

    internal Task ReturnAsync(GatewayResult result, CancellationToken cancellationToken)
    {
        var message = new Result { Ref = new Ref { Id = result.Reference.Id } };
        foreach (var (key, value) in result.Metadata)
            message.Metadata[key] = ByteString.CopyFrom(value.Span);
        return _channel.UnaryAsync(Service + "Return", new ReturnRequest { Result = message }, ReturnResponse.Parser, cancellationToken, _metadata);
    }

    internal Task FailAsync(string message, CancellationToken cancellationToken) =>
        _channel.UnaryAsync(Service + "Return", new ReturnRequest { Error = new Protocol.Status { Code = 2, Message = message } },
            ReturnResponse.Parser, cancellationToken, _metadata);
}

/// <summary>A solved tree in the engine.</summary>
/// <param name="Id">The engine's own id; empty for an empty tree.</param>
public sealed record GatewayReference(string Id);

/// <summary>What a driven build exports.</summary>
/// <param name="Reference">The tree.</param>
/// <param name="Metadata">Such as <c>containerimage.config</c>: the image's configuration as JSON.</param>
public sealed record GatewayResult(GatewayReference Reference, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Metadata);

/// <summary>An image as the engine found it.</summary>
/// <param name="Reference">The name that was asked for.</param>
/// <param name="Digest">Of its manifest or index; empty for a local image of a dockerd without the containerd store.</param>
/// <param name="Configuration">OCI image configuration, UTF-8 JSON.</param>
public sealed record ResolvedImage(string Reference, string Digest, ReadOnlyMemory<byte> Configuration);
