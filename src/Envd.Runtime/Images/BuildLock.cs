using Envd.Core.Diagnostics;

namespace Envd.Runtime.Images;

/// <summary>One build of a project at a time: the others wait, and find the image made.</summary>
internal sealed class BuildLock : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _file;

    private BuildLock(FileStream file) => _file = file;

    public static async Task<BuildLock> AcquireAsync(string path, IBuildReporter reporter, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (var first = true; ; first = false)
        {
            try
            {
                // The engine of the operating system gives the lock back when the process ends, however it ends.
                return new BuildLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (UnauthorizedAccessException e)
            {
                throw new EnvdException(ErrorCodes.StateNotWritable, $"'{path}' cannot be written: {e.Message}", "Make the folder writable.", inner: e);
            }
            catch (IOException)
            {
                if (first)
                    reporter.Info("Another build of this project is running; waiting for it.");
                await Task.Delay(Interval, cancellationToken);
            }
        }
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
