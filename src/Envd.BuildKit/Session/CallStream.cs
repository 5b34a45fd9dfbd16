using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Transport;
using Google.Protobuf;

namespace Envd.BuildKit.Session;

/// <summary>A byte pipe inside a duplex call of <see cref="BytesMessage"/>s: how buildkitd carries a session.</summary>
internal sealed class CallStream(IDuplexCall call) : PipeLikeStream
{
    private ReadOnlyMemory<byte> _rest;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.IsEmpty)
        {
            if (await call.ReadAsync(BytesMessage.Parser, cancellationToken) is not { } message)
                return 0;
            _rest = message.Data.Memory;
        }
        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        // The bytes are on the wire when the call returns, so the caller's memory need not be copied.
        await call.WriteAsync(new BytesMessage { Data = UnsafeByteOperations.UnsafeWrap(buffer) }, cancellationToken);

    public override async ValueTask DisposeAsync()
    {
        await call.DisposeAsync();
        await base.DisposeAsync();
    }
}
