namespace Envd.Llb;

/// <summary>A command and what it runs with (BuildKit's <c>ExecOp</c>).</summary>
public sealed record ExecOptions
{
    /// <summary>The argument vector; no shell is involved unless it names one.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Environment variables in the order given, as <c>NAME</c> and value.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Secrets of the session as environment variables, which reach neither the result nor the cache key.</summary>
    public IReadOnlyList<SecretVariable> SecretEnvironment { get; init; } = [];

    /// <summary>An absolute folder, made where it does not exist.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>A user as <c>name</c>, <c>uid</c> or <c>uid:gid</c>; empty is root.</summary>
    public string User { get; init; } = "";

    /// <summary>The step's host name; empty is the engine's choice, <c>buildkitsandbox</c>.</summary>
    public string HostName { get; init; } = "";

    /// <summary>Lines of /etc/hosts.</summary>
    public IReadOnlyList<ExtraHost> ExtraHosts { get; init; } = [];

    /// <summary>Proxy variables, which are no part of the cache key.</summary>
    public ProxyEnvironment? Proxy { get; init; }

    /// <summary>Resource limits.</summary>
    public IReadOnlyList<Ulimit> Ulimits { get; init; } = [];

    /// <summary>The control group below which the step runs.</summary>
    public string CgroupParent { get; init; } = "";

    /// <summary>Exit codes that are no failure; empty is 0 alone.</summary>
    public IReadOnlyList<int> ValidExitCodes { get; init; } = [];

    /// <summary>Mounts beside the root file system.</summary>
    public IReadOnlyList<ExecMount> Mounts { get; init; } = [];

    /// <summary>The root file system cannot be written to and has no result.</summary>
    public bool ReadOnlyRoot { get; init; }

    /// <summary>The step's network.</summary>
    public NetworkMode Network { get; init; }

    /// <summary>Whether the step is confined.</summary>
    public SecurityMode Security { get; init; }

    /// <summary>The platform whose binaries the step runs, by emulation where it is not the engine's; null is the engine's.</summary>
    public Platform? Platform { get; init; }
}

/// <summary>The network of a step (BuildKit's <c>NetMode</c>).</summary>
public enum NetworkMode
{
    /// <summary>The engine's own sandbox network.</summary>
    Default,

    /// <summary>The engine's host network; needs the entitlement <c>network.host</c>.</summary>
    Host,

    /// <summary>Loopback alone.</summary>
    None,
}

/// <summary>Whether a step is confined (BuildKit's <c>SecurityMode</c>).</summary>
public enum SecurityMode
{
    /// <summary>Without privileges.</summary>
    Sandbox,

    /// <summary>With all of them; needs the entitlement <c>security.insecure</c>.</summary>
    Insecure,
}

/// <summary>A secret as an environment variable.</summary>
/// <param name="Variable">The variable's name.</param>
/// <param name="Id">The secret's id in the session.</param>
/// <param name="Optional">A session without the secret is no error.</param>
public sealed record SecretVariable(string Variable, string Id, bool Optional = false);

/// <summary>A line of /etc/hosts.</summary>
/// <param name="Host">The name.</param>
/// <param name="Address">An IP address.</param>
public sealed record ExtraHost(string Host, string Address);

/// <summary>Proxies, as the variables <c>http_proxy</c> … have them; empty sets none.</summary>
/// <param name="Http">For http.</param>
/// <param name="Https">For https.</param>
/// <param name="Ftp">For ftp.</param>
/// <param name="All">For everything else.</param>
/// <param name="None">Hosts that are reached directly.</param>
public sealed record ProxyEnvironment(string Http = "", string Https = "", string Ftp = "", string All = "", string None = "");

/// <summary>A resource limit.</summary>
/// <param name="Name">As <c>ulimit</c> of docker has it: <c>nofile</c>, <c>core</c> …</param>
/// <param name="Soft">The soft limit.</param>
/// <param name="Hard">The hard limit.</param>
public sealed record Ulimit(string Name, long Soft, long Hard);
