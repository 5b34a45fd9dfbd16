namespace Envd.BuildKit.Transport;

/// <summary>
/// A connection whose peer must say something within a time: HTTP/2's server speaks first, and a listening socket alone proves nothing (the
/// kernel takes connections for an engine that is stopped).
/// </summary>
internal sealed class FirstAnswerStream(Stream inner, TimeSpan timeout) : PipeLikeStream
{
    private bool _answered;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_answered || buffer.IsEmpty)
            return await inner.ReadAsync(buffer, cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            var count = await inner.ReadAsync(buffer, limit.Token);
            _answered = true;
            return count;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ConnectionException($"it took the connection but did not answer within {timeout.TotalSeconds:0.#} s");
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
