namespace Envd.BuildKit.Progress.Renderers;

/// <summary>Shows the events of a build to people or programs. Not safe for concurrent use by itself: a solve sends its events one after another.</summary>
public interface IProgressRenderer : IDisposable
{
    /// <summary>Takes an event.</summary>
    void Report(ProgressEvent progress);
}
