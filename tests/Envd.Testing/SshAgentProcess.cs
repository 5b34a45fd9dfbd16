using System.Diagnostics;

namespace Envd.Testing;

/// <summary>OpenSSH's agent with one key, for a test.</summary>
public sealed class SshAgentProcess : IDisposable
{
    /// <summary>The comment of the key.</summary>
    public const string KeyName = "key-of-the-test";

    private readonly TemporaryFolder _folder = new();
    private readonly Process _agent;

    private SshAgentProcess()
    {
        Socket = _folder["agent.sock"];
        _agent = Commands.Start("ssh-agent", ["-D", "-a", Socket], _folder.Path, Environment);
    }

    /// <summary>What SSH_AUTH_SOCK names.</summary>
    public string Socket { get; }

    private Dictionary<string, string?> Environment => new() { ["SSH_AUTH_SOCK"] = Socket };

    /// <summary>Starts an agent, and waits until it has its key.</summary>
    public static async Task<SshAgentProcess> StartAsync(CancellationToken cancellationToken)
    {
        var agent = new SshAgentProcess();
        while (!File.Exists(agent.Socket))
            await Task.Delay(20, cancellationToken);
        await agent.RunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", KeyName, "-f", agent._folder["key"]], cancellationToken);
        await agent.RunAsync("ssh-add", [agent._folder["key"]], cancellationToken);
        return agent;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _agent.Kill();
        _agent.Dispose();
        _folder.Dispose();
    }

    private async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var result = await Commands.RunAsync(program, arguments, _folder.Path, Environment, cancellationToken);
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{program}: {result.All}");
    }
}
