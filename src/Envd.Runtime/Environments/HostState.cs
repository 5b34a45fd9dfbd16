using Envd.Core.Diagnostics;

namespace Envd.Runtime.Environments;

/// <summary>
/// What this machine keeps of an environment between starts: ports that were chosen, tokens, ssh host keys. For the user alone (0700), below
/// XDG_STATE_HOME (https://specifications.freedesktop.org/basedir-spec); losing it costs new ports and tokens.
/// </summary>
public sealed class HostState
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _folder;

    /// <summary>The state of an environment.</summary>
    public HostState(string name) => _folder = System.IO.Path.Combine(Root, name);

    /// <summary>The folder of all environments.</summary>
    public static string Root => System.IO.Path.Combine(Base("XDG_STATE_HOME", ".local/state"), "envd");

    /// <summary>A folder of the base directory specification.</summary>
    public static string Base(string variable, string otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given && System.IO.Path.IsPathRooted(given) ? given
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), otherwise);

    /// <summary>A file of this environment.</summary>
    public string File(string name) => System.IO.Path.Combine(_folder, name);

    /// <summary>The text of a file; null where there is none.</summary>
    public string? Read(string name) => System.IO.File.Exists(File(name)) ? System.IO.File.ReadAllText(File(name)).TrimEnd('\n') : null;

    /// <summary>Writes a file that the user alone can read.</summary>
    public void Write(string name, string text) => WritePrivate(File(name), text);

    /// <summary>Forgets the environment.</summary>
    public void Delete()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Writes a file of mode 0600 in a folder of mode 0700, under a temporary name first.</summary>
    /// <exception cref="EnvdException">It cannot be written.</exception>
    public static void WritePrivate(string path, string text)
    {
        try
        {
            MakePrivateFolder(System.IO.Path.GetDirectoryName(path)!);
            var temporary = $"{path}.{Environment.ProcessId}.tmp";
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var writer = new StreamWriter(temporary, options))
                writer.Write(text);
            System.IO.File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvdException(ErrorCodes.StateNotWritable, $"'{path}' cannot be written: {e.Message}", "Make the folder writable, or set XDG_STATE_HOME and XDG_CONFIG_HOME.", inner: e);
        }
    }

    /// <summary>Makes a folder that the user alone can enter; one that exists keeps its mode.</summary>
    public static void MakePrivateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, FolderMode);
    }
}
