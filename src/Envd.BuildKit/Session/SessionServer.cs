using System.IO.Pipelines;
using System.Net;
using Envd.BuildKit.Grpc;
using Google.Protobuf;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Envd.BuildKit.Session;

/// <summary>A method of the session: reads requests from and writes responses to its call.</summary>
internal delegate Task SessionMethod(ServerCall call);

/// <summary>Kestrel on one stream: inside a session the client is the HTTP/2 server, and the engine dials exactly once.</summary>
internal sealed class SessionServer(IReadOnlyDictionary<string, SessionMethod> methods, TimeSpan silence) : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private const int SegmentSize = 256 * 1024;

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KestrelServer? _kestrel;

    /// <summary>Ends with the connection.</summary>
    public Task Ended => _ended.Task;

    public async Task StartAsync(Stream tunnel, CancellationToken cancellationToken)
    {
        var endpoint = new TunnelEndPoint();
        var options = new KestrelServerOptions { ApplicationServices = new LoggerServices(), AddServerHeader = false };
        options.Limits.MaxRequestBodySize = null;
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        // The default of 64 KiB makes every chunk of a file wait for the one before it.
        options.Limits.MaxResponseBufferSize = 4 * 1024 * 1024;
        // An engine says which files it wants in headers, one for each pattern.
        options.Limits.MaxRequestHeaderCount = 1_000_000;
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024 * 1024;
        options.Limits.MaxRequestBufferSize = 16 * 1024 * 1024;
        options.Limits.Http2.MaxRequestHeaderFieldSize = 1024 * 1024;
        options.Limits.Http2.MaxStreamsPerConnection = 1000;
        options.Limits.Http2.InitialConnectionWindowSize = 8 * 1024 * 1024;
        options.Limits.Http2.InitialStreamWindowSize = 4 * 1024 * 1024;
        // An infinite timeout overflows in Kestrel's heartbeat and closes the connection after a second.
        options.Limits.KeepAliveTimeout = TimeSpan.FromDays(1);
        // An engine that is silent is asked; one that does not answer is gone, however alive its socket looks.
        options.Limits.Http2.KeepAlivePingDelay = silence / 2;
        options.Limits.Http2.KeepAlivePingTimeout = silence / 2;
        options.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http2);
        _kestrel = new KestrelServer(Options.Create(options), new TunnelListenerFactory(tunnel, _ended), NullLoggerFactory.Instance);
        await _kestrel.StartAsync(this, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_kestrel is null)
            return;
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await _kestrel.StopAsync(now.Token);
        }
        catch (OperationCanceledException)
        {
            // A call of the engine that is still open when the build is over is of no use to anyone.
        }
        _kestrel.Dispose();
    }

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        context.Response.ContentType = "application/grpc";
        var (code, message) = (0, "");
        if (methods.TryGetValue(context.Request.Path.Value ?? "", out var method))
        {
            try
            {
                await method(new ServerCall(context));
            }
            catch (SessionStatusException e)
            {
                (code, message) = (e.Code, e.Message);
            }
            catch (Exception e) when (e is IOException or BuildKitException or UnauthorizedAccessException)
            {
                (code, message) = (2, e.Message);
            }
            catch (OperationCanceledException)
            {
                (code, message) = (1, "canceled");
            }
        }
        else
        {
            (code, message) = (RpcException.Unimplemented, $"no method {context.Request.Path.Value}");
        }
        if (context.RequestAborted.IsCancellationRequested)
            return;
        if (!context.Response.HasStarted)
            await context.Response.StartAsync(CancellationToken.None);
        context.Response.AppendTrailer("grpc-status", code.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (code != 0)
            context.Response.AppendTrailer("grpc-message", Uri.EscapeDataString(message));
    }

    private sealed class TunnelEndPoint : EndPoint;

    private sealed class LoggerServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == typeof(ILoggerFactory) ? NullLoggerFactory.Instance : null;
    }

    private sealed class TunnelListenerFactory(Stream tunnel, TaskCompletionSource ended) : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            new(new TunnelListener(tunnel, endpoint, ended));
    }

    private sealed class TunnelListener(Stream tunnel, EndPoint endpoint, TaskCompletionSource ended) : IConnectionListener
    {
        private readonly TaskCompletionSource _unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _accepted;

        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            if (Interlocked.Exchange(ref _accepted, 1) == 0)
            {
                return new TunnelConnection(ended)
                {
                    // The writer hands each of its segments to the socket by itself: with the default 4 KiB a file of 10 MiB is 2560 calls.
                    Transport = new TunnelTransport(PipeReader.Create(tunnel, new StreamPipeReaderOptions(bufferSize: SegmentSize)),
                        PipeWriter.Create(tunnel, new StreamPipeWriterOptions(minimumBufferSize: SegmentSize))),
                };
            }
            await _unbound.Task.WaitAsync(cancellationToken);
            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _unbound.TrySetResult();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync(CancellationToken.None);
    }

    private sealed class TunnelConnection(TaskCompletionSource ended) : DefaultConnectionContext("session")
    {
        public override ValueTask DisposeAsync()
        {
            ended.TrySetResult();
            return base.DisposeAsync();
        }
    }

    private sealed record TunnelTransport(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}

/// <summary>One call of the engine.</summary>
internal sealed class ServerCall(HttpContext context)
{
    public CancellationToken Cancelled => context.RequestAborted;

    public PipeWriter Writer => context.Response.BodyWriter;

    public PipeReader Reader => context.Request.BodyReader;

    public ValueTask<T?> ReadAsync<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => GrpcFraming.ReadAsync(context.Request.BodyReader, parser, Cancelled);

    public async Task WriteAsync(IMessage message)
    {
        GrpcFraming.Write(Writer, message);
        await Writer.FlushAsync(Cancelled);
    }

    /// <summary>Sends the headers at once, for calls whose peer waits for them.</summary>
    public Task StartAsync() => context.Response.StartAsync(Cancelled);

    /// <summary>All values of a metadata key; BuildKit escapes them where one is not ASCII and says so beside them.</summary>
    public IReadOnlyList<string> Metadata(string key)
    {
        var values = context.Request.Headers[key];
        var encoded = context.Request.Headers[key + "-encoded"].Count > 0;
        return [.. values.Select(v => encoded ? WebUtility.UrlDecode(v)! : v!)];
    }
}

/// <summary>Ends a call with a gRPC status.</summary>
internal sealed class SessionStatusException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}
