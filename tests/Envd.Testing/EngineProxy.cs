using System.Net;
using System.Net.Sockets;

namespace Envd.Testing;

/// <summary>Stands between a client and a real engine: at another address, reachable for another user, or cut at will.</summary>
public sealed class EngineProxy : IDisposable
{
    private readonly Socket _listener;
    private readonly List<Socket> _open = [];
    private readonly string _engine;
    private volatile bool _swallows;

    private EngineProxy(Socket listener, string engine, string address)
    {
        _listener = listener;
        _engine = engine;
        Address = address;
        _ = AcceptAsync();
    }

    /// <summary>The address to name as DOCKER_HOST.</summary>
    public string Address { get; }

    /// <summary>Listens on TCP.</summary>
    public static EngineProxy OnTcp(string engine)
    {
        var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return new EngineProxy(listener, engine, $"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}");
    }

    /// <summary>Listens on a unix socket that every user may open.</summary>
    public static EngineProxy OnSocket(string engine, string path)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, (UnixFileMode)0x1B6);
        return new EngineProxy(listener, engine, "unix://" + path);
    }

    /// <summary>Closes every connection and takes no more.</summary>
    public void Cut()
    {
        _listener.Dispose();
        lock (_open)
        {
            foreach (var socket in _open)
                socket.Dispose();
            _open.Clear();
        }
    }

    /// <summary>Goes on taking bytes, and forwards none of them: a network that drops everything. Connections stay open.</summary>
    public void Swallow() => _swallows = true;

    /// <inheritdoc />
    public void Dispose() => Cut();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync();
                var engine = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await engine.ConnectAsync(new UnixDomainSocketEndPoint(_engine["unix://".Length..]));
                lock (_open)
                    _open.AddRange([client, engine]);
                _ = ForwardAsync(client, engine);
                _ = ForwardAsync(engine, client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private async Task ForwardAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                if (_swallows)
                    continue;
                for (var sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or the other side has ended.
        }
    }
}
