using System.ComponentModel;
using System.Diagnostics;
using Envd.Core.Services;
using Envd.Core.Spec;

namespace Envd.Runtime.Environments;

/// <summary>The caller's own name and address, as git on this machine knows them: for environments that declare none. They are in no image.</summary>
internal static class GitIdentity
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>A configuration of git; empty where the environment is lean, declares its own, or this machine has none.</summary>
    public static async Task<string> ReadAsync(EnvironmentSpec spec, CancellationToken cancellationToken)
    {
        if (!spec.Dev || spec.Git.Count > 0)
            return "";
        var settings = new List<NamedValue>();
        foreach (var name in new[] { "user.email", "user.name" })
            if (await GetAsync(name, cancellationToken) is { Length: > 0 } value)
                settings.Add(new NamedValue(name, value));
        return settings.Count == 0 ? "" : ServiceFiles.GitConfiguration(settings);
    }

    private static async Task<string> GetAsync(string name, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Patience);
        try
        {
            // Only what the person has set for all repositories: the folder that the command runs in says nothing about the environment.
            using var git = Process.Start(new ProcessStartInfo("git", ["config", "--global", "--get", name]) { RedirectStandardOutput = true, RedirectStandardError = true });
            if (git is null)
                return "";
            var value = await git.StandardOutput.ReadToEndAsync(timeout.Token);
            await git.WaitForExitAsync(timeout.Token);
            return git.ExitCode == 0 && !value.Trim().Any(char.IsControl) ? value.Trim() : "";
        }
        catch (Exception e) when (e is Win32Exception || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return "";
        }
    }
}
