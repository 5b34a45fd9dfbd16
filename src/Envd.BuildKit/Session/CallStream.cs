using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol;
using Google.Protobuf;

namespace Envd.BuildKit.Session;

/// <summary>A byte pipe inside a duplex call of <see cref="BytesMessage"/>s: how buildkitd carries a session.</summary>
internal sealed class CallStream(IDuplexCall call) : Stream
{
    private ReadOnlyMemory<byte> _rest;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException("a call has no length");

    public override long Position
    {
        get => throw new NotSupportedException("a call has no position");
        set => throw new NotSupportedException("a call has no position");
    }

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

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read asynchronously");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("write asynchronously");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a call cannot seek");

    public override void SetLength(long value) => throw new NotSupportedException("a call has no length");

    public override async ValueTask DisposeAsync()
    {
        await call.DisposeAsync();
        await base.DisposeAsync();
    }
}
