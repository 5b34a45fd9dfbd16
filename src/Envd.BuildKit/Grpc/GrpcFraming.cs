using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Envd.BuildKit.Grpc;

/// <summary>gRPC's length-prefixed messages: one flag byte, a big-endian length, the message (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
internal static class GrpcFraming
{
    public const int HeaderSize = 5;

    /// <summary>BuildKit's own limit for a message that it sends.</summary>
    private const int MaximumMessage = 32 * 1024 * 1024;

    public static void Write(IBufferWriter<byte> writer, IMessage message)
    {
        var size = message.CalculateSize();
        var span = writer.GetSpan(HeaderSize + size);
        WriteHeader(span, size);
        message.WriteTo(span.Slice(HeaderSize, size));
        writer.Advance(HeaderSize + size);
    }

    public static void WriteHeader(Span<byte> span, int size)
    {
        span[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(span[1..], size);
    }

    /// <summary>The next message of the stream, or null at its end. The memory is valid until the next call.</summary>
    public static async ValueTask<T?> ReadAsync<T>(PipeReader reader, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            if (result.IsCanceled)
                throw new OperationCanceledException(cancellationToken);
            var buffer = result.Buffer;
            if (TryTake(buffer, out var payload))
            {
                var message = parser.ParseFrom(payload);
                reader.AdvanceTo(payload.End);
                return message;
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                if (!buffer.IsEmpty)
                    throw new IOException("the stream ended inside a message");
                return null;
            }
        }
    }

    internal static bool TryTake(ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (buffer.Length < HeaderSize)
            return false;
        Span<byte> header = stackalloc byte[HeaderSize];
        buffer.Slice(0, HeaderSize).CopyTo(header);
        if (header[0] != 0)
            throw new IOException("the peer sent a compressed message, which was not negotiated");
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > MaximumMessage)
            throw new IOException($"the peer sent a message of {length} bytes; the limit is {MaximumMessage}");
        if (buffer.Length < HeaderSize + length)
            return false;
        payload = buffer.Slice(HeaderSize, length);
        return true;
    }
}
