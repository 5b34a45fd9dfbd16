using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Google.Protobuf;

namespace Envd.BuildKit.Grpc;

/// <summary>A call that streams both ways.</summary>
public interface IDuplexCall : IAsyncDisposable
{
    /// <summary>Sends one message.</summary>
    Task WriteAsync(IMessage message, CancellationToken cancellationToken);

    /// <summary>Receives the next message; null when the engine has ended the call.</summary>
    ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>;
}

internal sealed class DuplexCall(string method, DuplexContent content) : IDuplexCall
{
    private readonly CancellationTokenSource _ended = new();
    private readonly SemaphoreSlim _writing = new(1);
    private Task<HttpResponseMessage>? _response;
    private HttpRequestMessage? _request;
    private PipeReader? _reader;

    public CancellationToken Token => _ended.Token;

    public void Start(Task<HttpResponseMessage> response, HttpRequestMessage request)
    {
        _response = response;
        _request = request;
    }

    public async Task WriteAsync(IMessage message, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        GrpcFraming.Write(buffer, message);
        await _writing.WaitAsync(cancellationToken);
        try
        {
            var stream = await content.Opened;
            await stream.WriteAsync(buffer.WrittenMemory, cancellationToken);
            await stream.FlushAsync(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        if (_reader is null)
        {
            var response = await _response!.WaitAsync(cancellationToken);
            if (response.Headers.Contains("grpc-status"))
                GrpcChannel.Check(method, response.Headers);
            _reader = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
        }
        return await GrpcFraming.ReadAsync(_reader, parser, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        content.Complete();
        await _ended.CancelAsync();
        try
        {
            (await _response!).Dispose();
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or BuildKitException)
        {
            // The call was cut, which is what disposing it means.
        }
        _request?.Dispose();
        _ended.Dispose();
        _writing.Dispose();
    }
}

/// <summary>A request body that stays open and is written to from outside.</summary>
internal sealed class DuplexContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Stream> Opened => _opened.Task;

    public void Complete() => _completed.TrySetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync(); // the request's headers
        _opened.TrySetResult(stream);
        await _completed.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
