using System.Net.Sockets;
using System.Text;
using Envd.BuildKit;
using Envd.BuildKit.Transport;

namespace Envd.Runtime.Docker;

/// <summary>
/// One GET on a connection of its own, blocking. A command that finds nothing to do asks the engine one question, and HttpClient's share of that
/// is some 230 methods compiled at run time: 25 of 100 ms (bench/run.sh noop).
/// </summary>
internal static class BlockingGet
{
    private const int Timeout = 10_000;

    /// <summary>Status and body; null where anything is unusual, which HttpClient then deals with and explains.</summary>
    /// <exception cref="EngineUnavailableException">The engine is there and does not answer.</exception>
    public static (int Status, byte[] Body)? Try(EngineAddress address, string path)
    {
        if (address.Tls is not null || address.Uri.Scheme is not ("unix" or "tcp"))
            return null;
        try
        {
            using var socket = address.SocketPath is null ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
                : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.SendTimeout = socket.ReceiveTimeout = Timeout;
            if (address.SocketPath is { } file)
                socket.Connect(new UnixDomainSocketEndPoint(file));
            else
                socket.Connect(address.Uri.Host, address.Uri.Port);
            // HTTP/1.0: the answer comes in one piece and ends with the connection.
            socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n"));
            return Parse(ReadToEnd(socket));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new EngineUnavailableException(address.ToString(), $"The engine at {address} took the connection but did not answer within {Timeout / 1000} s.", inner: e);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static byte[] ReadToEnd(Socket socket)
    {
        var buffer = new byte[16 * 1024];
        var length = 0;
        int count;
        while ((count = socket.Receive(buffer.AsSpan(length))) > 0)
        {
            length += count;
            if (length == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
        }
        return buffer[..length];
    }

    private static (int Status, byte[] Body)? Parse(byte[] answer)
    {
        var end = answer.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 12 || !answer.AsSpan().StartsWith("HTTP/1."u8))
            return null;
        var head = Encoding.ASCII.GetString(answer, 0, end);
        return !head.Contains("chunked", StringComparison.OrdinalIgnoreCase) && int.TryParse(head.AsSpan(9, 3), out var status)
            ? (status, answer[(end + 4)..]) : null;
    }
}
