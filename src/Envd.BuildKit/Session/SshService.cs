using System.Net.Sockets;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Protocol.Session;
using Google.Protobuf;

namespace Envd.BuildKit.Session;

/// <summary>Forwards the user's ssh agent to the steps that ask for it; the keys stay here.</summary>
internal sealed class SshService(string? agentSocket)
{
    public void Register(IDictionary<string, SessionMethod> methods)
    {
        methods["/moby.sshforward.v1.SSH/CheckAgent"] = CheckAsync;
        methods["/moby.sshforward.v1.SSH/ForwardAgent"] = ForwardAsync;
    }

    private async Task CheckAsync(ServerCall call)
    {
        if (agentSocket is null)
            throw new SessionStatusException(RpcException.NotFound, "no ssh agent: SSH_AUTH_SOCK is not set");
        await call.WriteAsync(new CheckAgentResponse());
    }

    private async Task ForwardAsync(ServerCall call)
    {
        if (agentSocket is null)
            throw new SessionStatusException(RpcException.NotFound, "no ssh agent: SSH_AUTH_SOCK is not set");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(agentSocket), call.Cancelled);
        await using var agent = new NetworkStream(socket);
        await call.StartAsync();
        var toAgent = ToAgentAsync(call, agent, socket);
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await agent.ReadAsync(buffer, call.Cancelled)) > 0)
            await call.WriteAsync(new BytesMessage { Data = ByteString.CopyFrom(buffer, 0, count) });
        await toAgent;
    }

    private static async Task ToAgentAsync(ServerCall call, NetworkStream agent, Socket socket)
    {
        while (await call.ReadAsync(BytesMessage.Parser) is { } message)
            await agent.WriteAsync(message.Data.Memory, call.Cancelled);
        socket.Shutdown(SocketShutdown.Send);
    }
}
