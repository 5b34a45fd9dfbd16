using Envd.BuildKit.Protocol.Session;

namespace Envd.BuildKit.Session;

/// <summary>The engine asks every five seconds; two failures end the session.</summary>
internal sealed class HealthService
{
    private const int Serving = 1;

    public void Register(IDictionary<string, SessionMethod> methods) =>
        methods["/grpc.health.v1.Health/Check"] = call => call.WriteAsync(new HealthCheckResponse { Status = Serving });
}
