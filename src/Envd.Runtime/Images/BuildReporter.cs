using Envd.BuildKit.Progress;

namespace Envd.Runtime.Images;

/// <summary>Hears of a build as it goes.</summary>
public interface IBuildReporter
{
    /// <summary>Something that a person should know, once.</summary>
    void Info(string text);

    /// <summary>An event of a step.</summary>
    void Progress(ProgressEvent progress);
}
