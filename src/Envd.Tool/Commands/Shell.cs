using System.Diagnostics;
using Envd.Runtime.Docker;
using Envd.Runtime.Environments;

namespace Envd.Tool.Commands;

/// <summary>Runs a command in an environment on this process' own streams.</summary>
internal static class Shell
{
    public static async Task<int> OpenAsync(IDockerApi docker, string container, IReadOnlyList<string> arguments, string user, string workingDirectory,
        bool terminal, CancellationToken cancellationToken)
    {
        await using var input = Console.OpenStandardInput();
        await using var output = Console.OpenStandardOutput();
        await using var error = Console.OpenStandardError();
        (int, int)? size = terminal ? (Console.WindowWidth, Console.WindowHeight) : null;
        // In raw mode every key, Ctrl+C too, goes to the environment.
        var saved = terminal ? Stty("-g") : "";
        try
        {
            if (saved.Length > 0)
                Stty("raw -echo");
            return await new ExecSession(docker).RunAsync(new ExecRequest(container, arguments, user, workingDirectory, terminal), input, output, error, size, cancellationToken);
        }
        finally
        {
            if (saved.Length > 0)
                Stty(saved);
        }
    }

    private static string Stty(string arguments)
    {
        try
        {
            // Standard input is inherited: it is the terminal that stty speaks of.
            using var process = Process.Start(new ProcessStartInfo("stty", arguments) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output.Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return ""; // without stty the terminal stays as it is: usable, line by line
        }
    }
}
