using System.Diagnostics;
using Envd.Core.Diagnostics;

namespace Envd.Tool.Modules;

/// <summary>Fetches a commit of a repository by the git command, with the logins that git itself has.</summary>
public sealed class ModuleRepository : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("envd-module-").FullName;

    private ModuleRepository(string commit) => Commit = commit;

    /// <summary>The commit, in full.</summary>
    public string Commit { get; private set; }

    /// <summary>The working tree.</summary>
    public string Folder => _folder;

    /// <summary>Fetches one commit, without its history.</summary>
    /// <exception cref="EnvdException">git is missing, or could not fetch it.</exception>
    public static async Task<ModuleRepository> FetchAsync(string url, string reference, CancellationToken cancellationToken)
    {
        // What begins with '-' would be an option; other transports than these run commands.
        if (url.StartsWith('-') || reference.StartsWith('-') || url.Contains("::", StringComparison.Ordinal) || url.Any(char.IsControl))
            throw new EnvdException(ErrorCodes.ModuleFailed, $"'{url}' is no repository.", "Write https://…, ssh://…, user@host:path, or a folder.");
        var repository = new ModuleRepository("");
        try
        {
            await repository.GitAsync(cancellationToken, "init", "--quiet");
            await repository.GitAsync(cancellationToken, "fetch", "--quiet", "--depth", "1", "--", Path.Exists(url) ? Path.GetFullPath(url) : url, reference.Length > 0 ? reference : "HEAD");
            await repository.GitAsync(cancellationToken, "-c", "core.symlinks=false", "-c", "core.autocrlf=false", "checkout", "--quiet", "--detach", "FETCH_HEAD");
            repository.Commit = (await repository.GitAsync(cancellationToken, "rev-parse", "HEAD")).Trim();
            return repository;
        }
        catch
        {
            repository.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        // git writes its objects read-only.
        foreach (var file in Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories))
            File.SetAttributes(file, FileAttributes.Normal);
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<string> GitAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_ALLOW_PROTOCOL"] = "https:http:ssh:git:file";
        foreach (var variable in new[] { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE" })
            start.Environment.Remove(variable);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new EnvdException(ErrorCodes.ModuleFailed, "git is not installed, and modules of repositories are fetched by it.", "Install git, or take the module from a NuGet feed by <Sdk Name=\"…\" Version=\"…\" />.");
        }
        using (process)
        {
            try
            {
                var error = process.StandardError.ReadToEndAsync(cancellationToken);
                var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
                await process.WaitForExitAsync(cancellationToken);
                if (process.ExitCode != 0)
                    throw new EnvdException(ErrorCodes.ModuleFailed, $"The repository could not be fetched: {(await error).Trim()}", "Check its address, and --ref.");
                return output;
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }
        }
    }
}
