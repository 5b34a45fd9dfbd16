using System.IO.Pipelines;
using Envd.BuildKit.Session;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Envd.BuildKit.Tests;

/// <summary>A call of an engine whose bytes never leave the process: what it says is read from one pipe, what it is told goes to another.</summary>
internal sealed class InMemoryCall
{
    private readonly CancellationTokenSource _aborted = new();

    public InMemoryCall(Pipe fromEngine, Pipe toEngine)
    {
        var context = new DefaultHttpContext { RequestAborted = _aborted.Token };
        context.Features.Set<IRequestBodyPipeFeature>(new Body(fromEngine.Reader));
        context.Features.Set<IHttpResponseBodyFeature>(new Response(toEngine.Writer));
        Call = new ServerCall(context);
    }

    public ServerCall Call { get; }

    public void Abort() => _aborted.Cancel();

    private sealed record Body(PipeReader Reader) : IRequestBodyPipeFeature;

    private sealed class Response(PipeWriter writer) : IHttpResponseBodyFeature
    {
        public Stream Stream => writer.AsStream();

        public PipeWriter Writer => writer;

        public Task CompleteAsync() => Task.CompletedTask;

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => throw new NotSupportedException("no files here");

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
