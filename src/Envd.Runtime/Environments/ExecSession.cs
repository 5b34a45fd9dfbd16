using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Envd.Runtime.Docker;

namespace Envd.Runtime.Environments;

/// <summary>A command in a running environment.</summary>
/// <param name="Container">The container's id or name.</param>
/// <param name="Arguments">The argument vector.</param>
/// <param name="User">The account; it gets its own HOME and USER.</param>
/// <param name="WorkingDirectory">Where it starts.</param>
/// <param name="Terminal">With a terminal: one stream, control characters and all.</param>
public sealed record ExecRequest(string Container, IReadOnlyList<string> Arguments, string User, string WorkingDirectory, bool Terminal);

/// <summary>Runs commands by the engine's exec API and connects them to streams.</summary>
public sealed class ExecSession(IDockerApi docker)
{
    /// <summary>Runs the command to its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> RunAsync(ExecRequest request, Stream input, Stream output, Stream error, (int Width, int Height)? size, CancellationToken cancellationToken)
    {
        var created = await docker.PostAsync($"containers/{request.Container}/exec", new JsonObject
        {
            ["AttachStdin"] = true,
            ["AttachStdout"] = true,
            ["AttachStderr"] = true,
            ["Tty"] = request.Terminal,
            ["Cmd"] = new JsonArray([.. request.Arguments.Select(a => (JsonNode)JsonValue.Create(a))]),
            ["User"] = request.User,
            ["WorkingDir"] = request.WorkingDirectory,
            ["Env"] = new JsonArray($"HOME=/home/{request.User}", $"USER={request.User}", $"TERM={Environment.GetEnvironmentVariable("TERM") ?? "dumb"}"),
        }, cancellationToken);
        var id = created!["Id"]!.GetValue<string>();
        await using var stream = await docker.AttachAsync($"exec/{id}/start", new JsonObject { ["Detach"] = false, ["Tty"] = request.Terminal }, cancellationToken);
        if (size is { } s)
            await docker.PostAsync($"exec/{id}/resize?w={s.Width}&h={s.Height}", null, cancellationToken);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Standard input may never end; what the command writes decides when this is over.
        var sending = SendAsync(input, stream, ended.Token);
        if (request.Terminal)
            await stream.CopyToAsync(output, cancellationToken);
        else
            await DemultiplexAsync(stream, output, error, cancellationToken);
        await ended.CancelAsync();
        await Task.WhenAny(sending, Task.Delay(TimeSpan.FromMilliseconds(50), CancellationToken.None));
        var state = await docker.GetAsync($"exec/{id}/json", cancellationToken);
        return state?["ExitCode"]?.GetValue<int>() ?? 1;
    }

    private static async Task SendAsync(Stream input, Stream stream, CancellationToken cancellationToken)
    {
        try
        {
            await input.CopyToAsync(stream, cancellationToken);
            // The command sees the end of its input; what it writes is still to come.
            if (stream is System.Net.Sockets.NetworkStream network)
                network.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or System.Net.Sockets.SocketException)
        {
            // The command ended before its input did.
        }
    }

    // Docker's own frames: stream number, three zeros, length, bytes (Engine API, "Attach to a container", stream format).
    private static async Task DemultiplexAsync(Stream stream, Stream output, Stream error, CancellationToken cancellationToken)
    {
        var header = new byte[8];
        var buffer = new byte[32 * 1024];
        while (await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken) == header.Length)
        {
            var target = header[0] == 2 ? error : output;
            for (var rest = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)); rest > 0;)
            {
                var count = await stream.ReadAsync(buffer.AsMemory(0, Math.Min(rest, buffer.Length)), cancellationToken);
                if (count == 0)
                    return;
                await target.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                rest -= count;
            }
            await target.FlushAsync(cancellationToken);
        }
    }
}
