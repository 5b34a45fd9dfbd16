namespace Envd.BuildKit;

/// <summary>Something between this client and the engine, or in the engine, went wrong.</summary>
public class BuildKitException : Exception
{
    /// <summary>Makes the exception.</summary>
    public BuildKitException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The engine cannot be reached, or was lost on the way.</summary>
public sealed class EngineUnavailableException(string address, string message, bool wasConnected = false, Exception? inner = null)
    : BuildKitException(message, inner)
{
    /// <summary>The engine's address.</summary>
    public string Address { get; } = address;

    /// <summary>True where the engine had answered before: it ended, or the connection was cut.</summary>
    public bool WasConnected { get; } = wasConnected;
}

/// <summary>The engine lacks what the build needs.</summary>
public sealed class CapabilityException(string capability, string message) : BuildKitException(message)
{
    /// <summary>BuildKit's name of the capability, such as <c>mergeop</c>.</summary>
    public string Capability { get; } = capability;
}

/// <summary>The engine answered a call with a status other than OK.</summary>
public sealed class RpcException(string method, int code, string message, IReadOnlyList<RpcErrorDetail> details)
    : BuildKitException(message)
{
    /// <summary>gRPC's code for what was not found.</summary>
    public const int NotFound = 5;

    /// <summary>gRPC's code for an exhausted resource, such as a full disk.</summary>
    public const int ResourceExhausted = 8;

    /// <summary>gRPC's code for an unknown method.</summary>
    public const int Unimplemented = 12;

    /// <summary>The method, as <c>/package.Service/Method</c>.</summary>
    public string Method { get; } = method;

    /// <summary>gRPC's status code.</summary>
    public int Code { get; } = code;

    /// <summary>The details of <c>grpc-status-details-bin</c>.</summary>
    public IReadOnlyList<RpcErrorDetail> Details { get; } = details;
}

/// <summary>A detail of an error, as BuildKit sends it: JSON under a type's name.</summary>
/// <param name="Type">Such as <c>github.com/moby/buildkit/errdefs.Vertex+json</c>.</param>
/// <param name="Payload">UTF-8 JSON for types that end in <c>+json</c>.</param>
public sealed record RpcErrorDetail(string Type, ReadOnlyMemory<byte> Payload);

/// <summary>A folder could not be sent or received.</summary>
public sealed class FileSyncException(string path, string message, Exception? inner = null) : BuildKitException(message, inner)
{
    /// <summary>The file or folder, relative to what was synchronised where that is known.</summary>
    public string Path { get; } = path;
}
