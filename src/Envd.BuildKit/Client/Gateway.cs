using System.Text.Json.Nodes;
using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.Gateway;
using Envd.Llb.Protocol;
using Google.Protobuf;
using Platform = Envd.Llb.Platform;

namespace Envd.BuildKit.Client;

/// <summary>
/// A build that this client drives (BuildKit's frontend gateway): it may ask the engine about images, and look into what it has built, before it
/// decides what to solve next.
/// </summary>
public sealed class Gateway
{
    private const string Service = "/moby.buildkit.v1.frontend.LLBBridge/";

    private readonly IGrpcChannel _channel;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly Action<Definition> _solving;

    internal Gateway(IGrpcChannel channel, string reference, Action<Definition> solving)
    {
        _channel = channel;
        _metadata = new Dictionary<string, string> { ["buildkit-controlapi-buildid"] = reference };
        _solving = solving;
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
        _solving(definition);
        var response = await _channel.UnaryAsync(Service + "Solve", new GatewaySolveRequest
        {
            Definition = definition,
            AllowResultReturn = true,
            AllowResultArrayRef = true,
            Evaluate = true,
        }, GatewaySolveResponse.Parser, cancellationToken, _metadata);
        return new GatewayReference(response.Result?.Ref?.Id ?? "");
    }

    /// <summary>Reads a file of a tree that was solved.</summary>
    /// <param name="reference">The tree.</param>
    /// <param name="path">Absolute in it.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="RpcException">There is no such file.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadFileAsync(GatewayReference reference, string path, CancellationToken cancellationToken) =>
        (await _channel.UnaryAsync(Service + "ReadFile", new ReadFileRequest { Ref = reference.Id, FilePath = path }, ReadFileResponse.Parser, cancellationToken, _metadata)).Data.Memory;

    /// <summary>The names in a folder of a tree that was solved.</summary>
    /// <param name="reference">The tree.</param>
    /// <param name="path">Absolute in it.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="RpcException">There is no such folder.</exception>
    public async Task<IReadOnlyList<string>> ReadFolderAsync(GatewayReference reference, string path, CancellationToken cancellationToken) =>
        [.. (await _channel.UnaryAsync(Service + "ReadDir", new ReadDirRequest { Ref = reference.Id, DirPath = path }, ReadDirResponse.Parser, cancellationToken, _metadata))
            .Entries.Select(e => e.Path)];

    /// <summary>A container upon trees that were solved, for processes that are started, fed and watched one by one; nothing that they do is part of a result.</summary>
    /// <exception cref="CapabilityException">The engine starts no containers for its clients.</exception>
    /// <exception cref="RpcException">A tree is not there, or a mount is refused.</exception>
    public async Task<GatewayContainer> CreateContainerAsync(GatewayContainerOptions options, CancellationToken cancellationToken)
    {
        const string capability = "gateway.exec";
        var pong = await _channel.UnaryAsync(Service + "Ping", new PingRequest(), PongResponse.Parser, cancellationToken, _metadata);
        if (!pong.FrontendApiCaps.Any(c => c.Id == capability && c.Enabled))
            throw new CapabilityException(capability, "The engine starts no containers for its clients.");
        var container = new GatewayContainer(_channel, Service, _metadata);
        await container.CreateAsync(options, cancellationToken);
        return container;
    }

    internal Task ReturnAsync(GatewayResult result, CancellationToken cancellationToken)
    {
        var message = new Result();
        foreach (var (key, value) in result.Metadata)
            message.Metadata[key] = ByteString.CopyFrom(value.Span);
        if (result.Platforms.Count == 0)
        {
            message.Ref = new Ref { Id = result.Reference.Id };
        }
        else
        {
            message.Refs = new RefMap();
            var platforms = new JsonArray();
            foreach (var part in result.Platforms)
            {
                var id = part.Platform.ToString();
                message.Refs.Refs[id] = new Ref { Id = part.Reference.Id };
                message.Metadata[$"containerimage.config/{id}"] = ByteString.CopyFrom(part.Configuration.Span);
                if (part.Attestations.Count > 0)
                {
                    message.Attestations[id] = new Attestations();
                    message.Attestations[id].Attestation.AddRange(part.Attestations.Select(a =>
                        new Protocol.Gateway.Attestation { Ref = new Ref { Id = a.Reference.Id }, Path = a.Path, InTotoPredicateType = a.PredicateType }));
                }
                var platform = new JsonObject { ["architecture"] = part.Platform.Architecture, ["os"] = part.Platform.OperatingSystem };
                if (part.Platform.Variant.Length > 0)
                    platform["variant"] = part.Platform.Variant;
                platforms.Add(new JsonObject { ["ID"] = id, ["Platform"] = platform });
            }
            message.Metadata["refs.platforms"] = ByteString.CopyFromUtf8(new JsonObject { ["Platforms"] = platforms }.ToJsonString());
        }
        return _channel.UnaryAsync(Service + "Return", new ReturnRequest { Result = message }, ReturnResponse.Parser, cancellationToken, _metadata);
    }

    internal Task FailAsync(string message, CancellationToken cancellationToken) =>
        _channel.UnaryAsync(Service + "Return", new ReturnRequest { Error = new Protocol.Status { Code = 2, Message = message } },
            ReturnResponse.Parser, cancellationToken, _metadata);
}

/// <summary>A solved tree in the engine.</summary>
/// <param name="Id">The engine's own id; empty for an empty tree.</param>
public sealed record GatewayReference(string Id);

/// <summary>What a driven build exports: one tree, or one for each platform.</summary>
/// <param name="Reference">The tree.</param>
/// <param name="Metadata">Such as <c>containerimage.config</c>: the image's configuration as JSON.</param>
public sealed record GatewayResult(GatewayReference Reference, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Metadata)
{
    /// <summary>A result of several platforms, which image exporters make one index of.</summary>
    public GatewayResult(IReadOnlyList<PlatformResult> platforms)
        : this(new GatewayReference(""), new Dictionary<string, ReadOnlyMemory<byte>>()) => Platforms = platforms;

    /// <summary>The trees by platform; empty for a result of one.</summary>
    public IReadOnlyList<PlatformResult> Platforms { get; } = [];
}

/// <summary>The part of a result that is for one platform.</summary>
/// <param name="Platform">The platform.</param>
/// <param name="Reference">The tree.</param>
/// <param name="Configuration">OCI image configuration, UTF-8 JSON.</param>
public sealed record PlatformResult(Platform Platform, GatewayReference Reference, ReadOnlyMemory<byte> Configuration)
{
    /// <summary>What image exporters attach to the image; none takes no room.</summary>
    public IReadOnlyList<Attestation> Attestations { get; init; } = [];
}

/// <summary>A file that an image exporter attaches to the image as an in-toto statement (https://in-toto.io/Statement/v0.1), whose subject is the image.</summary>
/// <param name="Reference">A tree that was solved and holds the file.</param>
/// <param name="Path">The file in it: the predicate, as JSON.</param>
/// <param name="PredicateType">Such as <c>https://spdx.dev/Document</c>.</param>
public sealed record Attestation(GatewayReference Reference, string Path, string PredicateType);

/// <summary>An image as the engine found it.</summary>
/// <param name="Reference">The name that was asked for.</param>
/// <param name="Digest">Of its manifest or index; empty for a local image of a dockerd without the containerd store.</param>
/// <param name="Configuration">OCI image configuration, UTF-8 JSON.</param>
public sealed record ResolvedImage(string Reference, string Digest, ReadOnlyMemory<byte> Configuration);
