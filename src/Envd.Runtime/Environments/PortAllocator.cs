using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Envd.Core.Diagnostics;
using Envd.Core.Spec;

namespace Envd.Runtime.Environments;

/// <summary>A port of the environment and the host's port in front of it.</summary>
/// <param name="Port">What is published.</param>
/// <param name="HostPort">The number on the host.</param>
public sealed record BoundPort(PublishedPort Port, int HostPort)
{
    /// <summary>Where this machine reaches it: what listens everywhere does so here.</summary>
    public string Host => Port.ListenAddress switch { "0.0.0.0" => "127.0.0.1", "::" => "::1", var address => address };

    /// <summary>Host and port, as in an address.</summary>
    public string Authority => string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{HostPort}");
}

/// <summary>Chooses host ports: the one that is asked for, else the one of last time, else the same number if it is free, else a free one.</summary>
internal static class PortAllocator
{
    private const int FirstUnprivileged = 1024;

    /// <exception cref="EnvdException">A port that is asked for is taken.</exception>
    public static IReadOnlyList<BoundPort> Allocate(RunSpec run, HostState state, bool engineIsLocal)
    {
        var kept = (state.Read("ports") ?? "").Split('\n').Select(l => l.Split(' ')).Where(p => p.Length == 2)
            .ToDictionary(p => p[0], p => int.Parse(p[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
        var taken = run.Ports.Where(p => p.HostPort > 0).Select(p => p.HostPort).ToHashSet();
        var result = new List<BoundPort>();
        foreach (var port in run.Ports)
        {
            if (port.HostPort > 0)
            {
                if (engineIsLocal && !IsFree(port, port.HostPort))
                    throw new EnvdException(ErrorCodes.HostPortTaken, $"Port {port.HostPort} of this machine is taken, and {Describe(port)} is to have it.",
                        "End what listens there, or leave HostPort out for a free one.");
                result.Add(new BoundPort(port, port.HostPort));
                continue;
            }
            int[] wishes = kept.TryGetValue(Key(port), out var last) ? [last, port.Port] : [port.Port];
            var number = wishes.FirstOrDefault(w => w >= FirstUnprivileged && !taken.Contains(w) && (!engineIsLocal || IsFree(port, w)));
            if (number == 0)
                number = FindFree(port, taken);
            taken.Add(number);
            result.Add(new BoundPort(port, number));
        }
        state.Write("ports", string.Concat(result.Select(b => string.Create(CultureInfo.InvariantCulture, $"{Key(b.Port)} {b.HostPort}\n"))));
        return result;
    }

    private static string Describe(PublishedPort port) => port.Service.Length > 0 ? $"the service '{port.Service}'" : $"ContainerPort {port.Port}";

    private static string Key(PublishedPort port) => string.Create(CultureInfo.InvariantCulture, $"{port.Port}/{port.Protocol}");

    private static bool IsFree(PublishedPort port, int number)
    {
        try
        {
            using var socket = new Socket(port.Protocol == "udp" ? SocketType.Dgram : SocketType.Stream, port.Protocol == "udp" ? ProtocolType.Udp : ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(port.ListenAddress), number));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FindFree(PublishedPort port, HashSet<int> taken)
    {
        while (true)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            var number = ((IPEndPoint)socket.LocalEndPoint!).Port;
            if (!taken.Contains(number) && (port.Protocol == "tcp" || IsFree(port, number)))
                return number;
        }
    }
}
