using System.Buffers;
using Google.Protobuf;

namespace Envd.BuildKit.FileSync;

/// <summary>
/// Reads the few fields of a data message in place. The generated parser copies every chunk into a ByteString of its own, which costs a third of
/// an export's time (bench/buildkit.sh).
/// </summary>
internal static class WireFields
{
    private const uint TypeTag = (1 << 3) | (uint)WireFormat.WireType.Varint;
    private const uint IdTag = (3 << 3) | (uint)WireFormat.WireType.Varint;
    private const uint DataTag = (4 << 3) | (uint)WireFormat.WireType.LengthDelimited;
    private const uint BytesTag = (1 << 3) | (uint)WireFormat.WireType.LengthDelimited;
    private const uint DataPacket = 2;

    /// <summary>Takes a packet that carries data; false where it is another packet, which the generated parser reads.</summary>
    public static bool TryReadData(ReadOnlySequence<byte> message, out uint id, out ReadOnlySequence<byte> data)
    {
        id = 0;
        data = default;
        var type = 0u;
        while (!message.IsEmpty)
        {
            if (!TryReadVarint(ref message, out var tag))
                return false;
            switch (tag)
            {
                case TypeTag when TryReadVarint(ref message, out type) && type == DataPacket:
                case IdTag when TryReadVarint(ref message, out id):
                    break;
                case DataTag when TryReadVarint(ref message, out var length) && length <= message.Length:
                    data = message.Slice(0, length);
                    message = message.Slice(length);
                    break;
                default:
                    return false;
            }
        }
        return type == DataPacket;
    }

    /// <summary>The bytes of a <c>BytesMessage</c>.</summary>
    /// <exception cref="IOException">It is none.</exception>
    public static ReadOnlySequence<byte> ReadBytes(ReadOnlySequence<byte> message)
    {
        if (message.IsEmpty)
            return message;
        if (TryReadVarint(ref message, out var tag) && tag == BytesTag && TryReadVarint(ref message, out var length) && length == message.Length)
            return message;
        throw new IOException("the engine sent something that is no chunk of a file");
    }

    private static bool TryReadVarint(ref ReadOnlySequence<byte> message, out uint value)
    {
        value = 0;
        var reader = new SequenceReader<byte>(message);
        for (var shift = 0; shift < 32 && reader.TryRead(out var b); shift += 7)
        {
            value |= (uint)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                message = reader.UnreadSequence;
                return true;
            }
        }
        return false;
    }
}
