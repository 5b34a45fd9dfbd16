using System.ComponentModel;
using System.Diagnostics;

namespace Envd.BuildKit.Transport;

/// <summary>The standard streams of a child process as one stream. The process ends with it.</summary>
internal sealed class ProcessStream : PipeLikeStream
{
    private const int RememberedError = 2000;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly Process _process;
    private readonly string _program;
    private readonly Task<string> _error;
    private readonly Task<ConnectionException?> _failure;

    private ProcessStream(Process process, string program)
    {
        _process = process;
        _program = program;
        _error = ReadErrorAsync();
        _failure = WatchAsync();
    }

    /// <exception cref="IOException">The program is not there.</exception>
    public static ProcessStream Start(ConnectionCommand command)
    {
        var info = new ProcessStartInfo(command.Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in command.Arguments)
            info.ArgumentList.Add(argument);
        try
        {
            return new ProcessStream(Process.Start(info)!, command.Program);
        }
        catch (Win32Exception e)
        {
            throw new ConnectionException($"the command '{command.Program}' cannot be run ({e.Message})", e);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await _process.StandardOutput.BaseStream.ReadAsync(buffer, cancellationToken);
        if (count > 0 || buffer.IsEmpty)
            return count;
        return await _failure.WaitAsync(cancellationToken) is { } failure ? throw failure : 0;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            var input = _process.StandardInput.BaseStream;
            await input.WriteAsync(buffer, cancellationToken);
            await input.FlushAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // A command that has ended takes no input; what it said is the reason, not the broken pipe.
            throw await _failure.WaitAsync(cancellationToken) ?? new ConnectionException($"'{_program}' has ended", e);
        }
    }

    /// <summary>What a command that has ended said; null where it ended well, or by our own doing.</summary>
    /// <remarks>Watched from the start: whoever reads or writes finds out, whichever of them closes the stream first.</remarks>
    private async Task<ConnectionException?> WatchAsync()
    {
        try
        {
            await _process.WaitForExitAsync();
            if (_process.ExitCode == 0)
                return null;
            var error = (await _error).Trim();
            return new ConnectionException($"'{_program}' ended with {_process.ExitCode}{(error.Length > 0 ? ": " + error : "")}");
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            End(wait: false);
        base.Dispose(disposing);
    }

    private void End(bool wait)
    {
        try
        {
            // The end of its input is the command's own way to end; what does not end by itself is ended.
            _process.StandardInput.Close();
            if (!wait || !_process.WaitForExit(Grace))
                _process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or Win32Exception)
        {
            // It has ended already.
        }
        _process.Dispose();
    }

    // The last words only: a chatty command must not fill the memory.
    private async Task<string> ReadErrorAsync()
    {
        var last = "";
        try
        {
            while (await _process.StandardError.ReadLineAsync() is { } line)
                last = last.Length + line.Length > RememberedError ? line[..Math.Min(line.Length, RememberedError)] : last + line + "\n";
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Ended with the process.
        }
        return last;
    }
}
