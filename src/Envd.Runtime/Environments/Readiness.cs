using System.Net;
using System.Net.Sockets;
using Envd.Core.Spec;

namespace Envd.Runtime.Environments;

/// <summary>Asks services from outside whether they are ready.</summary>
internal static class Readiness
{
    private static readonly TimeSpan Attempt = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    /// <summary>One look at a service through its published port.</summary>
    public static async Task<bool> IsReadyAsync(ServiceSpec service, BoundPort bound, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Attempt);
        try
        {
            if (service.HealthCheck.StartsWith("http://", StringComparison.Ordinal))
            {
                var slash = service.HealthCheck.IndexOf('/', "http://".Length);
                using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });
                using var response = await http.GetAsync($"http://{bound.Authority}{(slash < 0 ? "/" : service.HealthCheck[slash..])}", timeout.Token);
                return (int)response.StatusCode < 500;
            }
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(bound.Host), bound.HostPort), timeout.Token);
            return await StaysOpenAsync(socket, timeout.Token);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    // The engine's proxy takes every connection, and closes it at once where nothing listens behind it.
    private static async Task<bool> StaysOpenAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var quiet = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        quiet.CancelAfter(Quiet);
        try
        {
            return await socket.ReceiveAsync(new byte[1], quiet.Token) > 0;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return true;
        }
    }
}
