using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Transport;
using Google.Protobuf;

namespace Envd.BuildKit.Grpc;

/// <summary>The calls that Envd makes to an engine; Grpc.Net.Client can take the implementation's place where it restores.</summary>
public interface IGrpcChannel : IDisposable
{
    /// <summary>One request, one response.</summary>
    Task<TResponse> UnaryAsync<TResponse>(string method, IMessage request, MessageParser<TResponse> parser,
        CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? metadata = null)
        where TResponse : class, IMessage<TResponse>;

    /// <summary>One request, a stream of responses.</summary>
    IAsyncEnumerable<TResponse> ServerStreamAsync<TResponse>(string method, IMessage request, MessageParser<TResponse> parser,
        CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>;

    /// <summary>Streams both ways. Disposing the call ends it.</summary>
    Task<IDuplexCall> DuplexAsync(string method, IReadOnlyList<KeyValuePair<string, string>> metadata, CancellationToken cancellationToken);
}

/// <summary>gRPC over HTTP/2 on the framework's own client.</summary>
internal sealed class GrpcChannel : IGrpcChannel
{
    private readonly HttpMessageInvoker _http;
    private readonly EngineDialer _dialer;
    private bool _answered;

    public GrpcChannel(EngineDialer dialer)
    {
        _dialer = dialer;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) => await dialer.DialControlAsync(cancellationToken),
            UseProxy = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = 4 * 1024 * 1024,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        });
    }

    public async Task<TResponse> UnaryAsync<TResponse>(string method, IMessage request, MessageParser<TResponse> parser,
        CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? metadata = null)
        where TResponse : class, IMessage<TResponse>
    {
        using var message = Request(method, new MessageContent(request));
        foreach (var (name, value) in metadata ?? new Dictionary<string, string>())
            message.Headers.Add(name, value);
        try
        {
            using var response = await _http.SendAsync(message, cancellationToken);
            _answered = true;
            CheckTrailersOnly(method, response);
            var reader = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
            var result = await GrpcFraming.ReadAsync(reader, parser, cancellationToken);
            if (result is not null && await GrpcFraming.ReadAsync(reader, parser, cancellationToken) is not null)
                throw new BuildKitException($"{method} answered twice.");
            Check(method, response.TrailingHeaders);
            return result ?? throw new BuildKitException($"{method} answered nothing.");
        }
        catch (Exception e) when (Lost(e, cancellationToken) is { } lost)
        {
            throw lost;
        }
    }

    public async IAsyncEnumerable<TResponse> ServerStreamAsync<TResponse>(string method, IMessage request,
        MessageParser<TResponse> parser, [EnumeratorCancellation] CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        using var message = Request(method, new MessageContent(request));
        HttpResponseMessage? response = null;
        try
        {
            PipeReader reader;
            try
            {
                response = await _http.SendAsync(message, cancellationToken);
                _answered = true;
                CheckTrailersOnly(method, response);
                reader = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
            }
            catch (Exception e) when (Lost(e, cancellationToken) is { } lost)
            {
                throw lost;
            }
            while (true)
            {
                TResponse? next;
                try
                {
                    next = await GrpcFraming.ReadAsync(reader, parser, cancellationToken);
                }
                catch (Exception e) when (Lost(e, cancellationToken) is { } lost)
                {
                    throw lost;
                }
                if (next is null)
                    break;
                yield return next;
            }
            Check(method, response.TrailingHeaders);
        }
        finally
        {
            response?.Dispose();
        }
    }

    public async Task<IDuplexCall> DuplexAsync(string method, IReadOnlyList<KeyValuePair<string, string>> metadata, CancellationToken cancellationToken)
    {
        var content = new DuplexContent();
        var message = Request(method, content);
        // SocketsHttpHandler joins repeated values of one header collection into `a, b`, which BuildKit does not split;
        // the request's and the content's collections are written one after the other, as lines of their own.
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in metadata)
            (seen.Add(name) ? (HttpHeaders)message.Headers : content.Headers).TryAddWithoutValidation(name, value);
        var call = new DuplexCall(method, content);
        try
        {
            // The engine sends its headers with its first message only, so the answer is awaited later.
            var response = _http.SendAsync(message, call.Token);
            call.Start(response, message);
            if (await Task.WhenAny(content.Opened, response).WaitAsync(cancellationToken) == response)
                await response;
            _answered = true;
            return call;
        }
        catch (Exception e)
        {
            await call.DisposeAsync();
            throw Lost(e, cancellationToken) ?? e;
        }
    }

    public void Dispose() => _http.Dispose();

    private static HttpRequestMessage Request(string method, HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var message = new HttpRequestMessage(HttpMethod.Post, "http://engine" + method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        message.Headers.TE.ParseAdd("trailers");
        return message;
    }

    /// <summary>An exception for a connection that was lost, or null where <paramref name="e"/> says something better.</summary>
    private BuildKitException? Lost(Exception e, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested || e is BuildKitException)
            return null;
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is BuildKitException known)
                return known;
            if (inner is ConnectionException reason)
                return new EngineUnavailableException(_dialer.Address.ToString(), _answered
                    ? $"The connection to the engine at {_dialer.Address} was lost: {reason.Message}."
                    : $"No engine answers at {_dialer.Address}: {reason.Message}.", _answered, e);
        }
        return e is HttpRequestException or IOException or HttpIOException
            ? new EngineUnavailableException(_dialer.Address.ToString(),
                $"The connection to the engine at {_dialer.Address} was lost.", _answered, e)
            : null;
    }

    private static void CheckTrailersOnly(string method, HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            throw new BuildKitException($"{method}: the engine answered HTTP {(int)response.StatusCode}.");
        if (response.Headers.Contains("grpc-status"))
            Check(method, response.Headers);
    }

    internal static void Check(string method, HttpHeaders trailers)
    {
        if (!trailers.TryGetValues("grpc-status", out var values) || !int.TryParse(values.First(), out var code))
            throw new IOException($"{method}: the answer ended without a status");
        if (code == 0)
            return;
        var text = trailers.TryGetValues("grpc-message", out var messages) ? Uri.UnescapeDataString(messages.First()) : $"code {code}";
        throw new RpcException(method, code, text, Details(trailers));
    }

    private static IReadOnlyList<RpcErrorDetail> Details(HttpHeaders trailers)
    {
        if (!trailers.TryGetValues("grpc-status-details-bin", out var values))
            return [];
        // Unpadded base64 (gRPC over HTTP/2, "Binary-Header").
        var text = values.First();
        var status = Status.Parser.ParseFrom(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '=')));
        return [.. status.Details.Select(d => new RpcErrorDetail(d.TypeUrl, d.Value.Memory))];
    }

    private sealed class MessageContent(IMessage message) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var buffer = new ArrayBufferWriter<byte>();
            GrpcFraming.Write(buffer, message);
            await stream.WriteAsync(buffer.WrittenMemory);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = GrpcFraming.HeaderSize + message.CalculateSize();
            return true;
        }
    }
}
