using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.Gateway;
using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.BuildKit.Client;

/// <summary>A process of a <see cref="GatewayContainer"/>.</summary>
public sealed class GatewayProcess : IAsyncDisposable
{
    private const int ChunkSize = 32 * 1024;

    private readonly IDuplexCall _call;
    private readonly GatewayProcessOptions _options;
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<int> _ended = Task.FromResult(0);
    private Task _feeding = Task.CompletedTask;

    internal GatewayProcess(IDuplexCall call, GatewayProcessOptions options)
    {
        _call = call;
        _options = options;
    }

    internal async Task StartAsync(string container, CancellationToken cancellationToken)
    {
        var meta = new Meta { Cwd = _options.WorkingDirectory, User = _options.User };
        meta.Args.AddRange(_options.Arguments);
        meta.Env.AddRange(_options.Environment.Select(v => $"{v.Key}={v.Value}"));
        var init = new InitMessage { ContainerId = container, Meta = meta, Tty = _options.HasTerminal };
        if (_options.Input is not null)
            init.Fds.Add(0);
        // Of a process without any of these an engine tells no end.
        init.Fds.Add(1);
        if (!_options.HasTerminal)
            init.Fds.Add(2);
        await _call.WriteAsync(new ExecMessage { ProcessId = _id, Init = init }, cancellationToken);
        _ended = ReceiveAsync();
        await Task.WhenAny(_started.Task, _ended).WaitAsync(cancellationToken);
        if (!_started.Task.IsCompleted)
            await _ended;
        if (_options.Input is not null)
            _feeding = FeedAsync(_options.Input);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="BuildKitException">The engine has lost it.</exception>
    public Task<int> WaitAsync(CancellationToken cancellationToken) => _ended.WaitAsync(cancellationToken);

    /// <summary>Sends a signal.</summary>
    /// <param name="name">Such as <c>SIGTERM</c>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task SignalAsync(string name, CancellationToken cancellationToken) =>
        // Engines know them without their prefix.
        _call.WriteAsync(new ExecMessage { ProcessId = _id, Signal = new SignalMessage { Name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name } }, cancellationToken);

    /// <summary>Tells it the size of its terminal, in characters.</summary>
    public Task ResizeAsync(int rows, int columns, CancellationToken cancellationToken) =>
        _call.WriteAsync(new ExecMessage { ProcessId = _id, Resize = new ResizeMessage { Rows = (uint)rows, Cols = (uint)columns } }, cancellationToken);

    /// <summary>Ends it, if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _call.DisposeAsync();
        await Task.WhenAll(_ended, _feeding).ContinueWith(static _ => { }, TaskScheduler.Default);
        _stop.Dispose();
    }

    private async Task<int> ReceiveAsync()
    {
        var code = -1;
        // An engine says that it is done only once the process's input has ended, too; its output is enough.
        var open = _options.HasTerminal ? 1 : 2;
        while (await _call.ReadAsync(ExecMessage.Parser, _stop.Token) is { } message)
        {
            switch (message.InputCase)
            {
                case ExecMessage.InputOneofCase.Started:
                    _started.TrySetResult();
                    break;
                case ExecMessage.InputOneofCase.File when message.File.Eof:
                    open--;
                    break;
                case ExecMessage.InputOneofCase.File:
                    if ((message.File.Fd == 1 ? _options.Output : _options.Error) is { } stream)
                        await stream.WriteAsync(message.File.Data.Memory, _stop.Token);
                    break;
                case ExecMessage.InputOneofCase.Exit:
                    code = (int)message.Exit.Code;
                    // A process that ended by itself has a code; one that could not be started has an error alone.
                    if (message.Exit.Error is { } error && (code == 0 || !_started.Task.IsCompleted))
                        throw new RpcException("ExecProcess", error.Code, error.Message, []);
                    break;
                case ExecMessage.InputOneofCase.Done when code < 0:
                    throw new BuildKitException("The engine gave the process up without an exit code; so it does for a signal that it does not know.");
            }
            if (code >= 0 && open == 0)
                return code;
        }
        return code >= 0 ? code : throw new BuildKitException("The engine ended the call before the process did.");
    }

    private async Task FeedAsync(Stream input)
    {
        var buffer = new byte[ChunkSize];
        try
        {
            while (await input.ReadAsync(buffer, _stop.Token) is var count and > 0)
                await _call.WriteAsync(new ExecMessage { ProcessId = _id, File = new FdMessage { Data = ByteString.CopyFrom(buffer, 0, count) } }, _stop.Token);
            await _call.WriteAsync(new ExecMessage { ProcessId = _id, File = new FdMessage { Eof = true } }, _stop.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The process has ended, and reads no more.
        }
    }
}
