using System.ComponentModel;
using System.Diagnostics;

namespace Envd.BuildKit.Session;

/// <summary>An ssh agent that steps may use: one that runs, or one made for key files while the session lasts.</summary>
public abstract class SshAgent : IAsyncDisposable
{
    /// <summary>An agent that listens on a socket, such as <c>SSH_AUTH_SOCK</c> names.</summary>
    public static SshAgent AtSocket(string path) => new Running(path);

    /// <summary>An agent of its own for key files, started (OpenSSH's <c>ssh-agent</c>) when a step first asks for it.</summary>
    /// <param name="files">Absolute; keys without a passphrase.</param>
    public static SshAgent OfKeys(IReadOnlyList<string> files) => new Private(files);

    /// <summary>The agent's socket.</summary>
    /// <exception cref="FileSyncException">A key cannot be used, or OpenSSH is not there.</exception>
    internal abstract Task<string> GetSocketAsync(CancellationToken cancellationToken);

    /// <inheritdoc />
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private sealed class Running(string path) : SshAgent
    {
        internal override Task<string> GetSocketAsync(CancellationToken cancellationToken) => Task.FromResult(path);
    }

    private sealed class Private(IReadOnlyList<string> files) : SshAgent
    {
        private readonly SemaphoreSlim _starting = new(1);
        private Process? _agent;
        private string _folder = "";

        internal override async Task<string> GetSocketAsync(CancellationToken cancellationToken)
        {
            await _starting.WaitAsync(cancellationToken);
            try
            {
                if (_agent is null)
                    await StartAsync(cancellationToken);
                return Path.Combine(_folder, "agent");
            }
            catch (Win32Exception e)
            {
                throw new FileSyncException(files[0], $"The keys need OpenSSH's ssh-agent and ssh-add, which cannot be run: {e.Message}", e);
            }
            finally
            {
                _starting.Release();
            }
        }

        private async Task StartAsync(CancellationToken cancellationToken)
        {
            _folder = Directory.CreateTempSubdirectory("ssh-agent-").FullName; // for its owner alone
            var socket = Path.Combine(_folder, "agent");
            _agent = Process.Start(Quiet("ssh-agent", ["-D", "-a", socket]))!;
            while (!File.Exists(socket))
            {
                if (_agent.HasExited)
                    throw new FileSyncException(files[0], "ssh-agent ended at once: " + (await _agent.StandardError.ReadToEndAsync(cancellationToken)).Trim());
                await Task.Delay(10, cancellationToken);
            }
            foreach (var file in files)
            {
                var info = Quiet("ssh-add", ["-q", "--", file]);
                info.Environment["SSH_AUTH_SOCK"] = socket;
                info.Environment["SSH_ASKPASS_REQUIRE"] = "never"; // nobody is there to type a passphrase
                using var add = Process.Start(info)!;
                add.StandardInput.Close();
                var error = await add.StandardError.ReadToEndAsync(cancellationToken);
                await add.WaitForExitAsync(cancellationToken);
                if (add.ExitCode != 0)
                    throw new FileSyncException(file, $"The ssh key '{file}' cannot be used: {error.Trim()}");
            }
        }

        public override ValueTask DisposeAsync()
        {
            if (_agent is not null)
            {
                _agent.Kill();
                _agent.Dispose();
                Directory.Delete(_folder, recursive: true);
                _agent = null;
            }
            _starting.Dispose();
            return base.DisposeAsync();
        }

        private static ProcessStartInfo Quiet(string program, string[] arguments) => new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
    }
}
