using Envd.BuildKit.Protocol.Session;
using Google.Protobuf;

namespace Envd.BuildKit.Session;

/// <summary>Hands secrets to the steps that mount them.</summary>
internal sealed class SecretsService(Func<string, byte[]?> secrets)
{
    public void Register(IDictionary<string, SessionMethod> methods) =>
        methods["/moby.buildkit.secrets.v1.Secrets/GetSecret"] = async call =>
        {
            var request = await call.ReadAsync(GetSecretRequest.Parser) ?? new GetSecretRequest();
            if (secrets(request.Id) is not { } data)
                throw new SessionStatusException(RpcException.NotFound, $"secret {request.Id}: not found");
            await call.WriteAsync(new GetSecretResponse { Data = ByteString.CopyFrom(data) });
        };
}
