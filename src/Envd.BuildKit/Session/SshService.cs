using System.Net.Sockets;
using Envd.BuildKit.Protocol;
using Envd.BuildKit.Protocol.Session;
using Google.Protobuf;

namespace Envd.BuildKit.Session;

/// <summary>Forwards ssh agents to the steps that ask for them; the keys stay here.</summary>
internal sealed class SshService(IReadOnlyDictionary<string, SshAgent> agents)
{
    public void Register(IDictionary<string, SessionMethod> methods)
    {
        methods["/moby.sshforward.v1.SSH/CheckAgent"] = CheckAsync;
        methods["/moby.sshforward.v1.SSH/ForwardAgent"] = ForwardAsync;
    }

    private SshAgent Find(string id) =>
        agents.TryGetValue(id.Length == 0 ? "default" : id, out var agent) ? agent
        : throw new SessionStatusException(RpcException.NotFound, $"no ssh agent '{id}' in this session (is SSH_AUTH_SOCK set?)");

    private async Task CheckAsync(ServerCall call)
    {
        var request = await call.ReadAsync(CheckAgentRequest.Parser) ?? new CheckAgentRequest();
        await Find(request.Id).GetSocketAsync(call.Cancelled);
        await call.WriteAsync(new CheckAgentResponse());
    }

    private async Task ForwardAsync(ServerCall call)
    {
        var agent = Find(call.Metadata("buildkit.ssh.id") is [var id, ..] ? id : "default");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(await agent.GetSocketAsync(call.Cancelled)), call.Cancelled);
        await using var stream = new NetworkStream(socket);
        await call.StartAsync();
        var toAgent = ToAgentAsync(call, stream, socket);
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(buffer, call.Cancelled)) > 0)
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
