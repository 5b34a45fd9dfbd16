using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Builds the image, and pushes it if asked.</summary>
public sealed class BuildImage : WorkerTask
{
    /// <summary>Pushes the image to its registry.</summary>
    public bool Push { get; set; }

    /// <summary>Asks the engine whether the image is still there, even where nothing changed.</summary>
    public bool Verify { get; set; }

    /// <summary>The image's name.</summary>
    [Output]
    public string Reference { get; set; } = "";

    /// <summary>The image's digest.</summary>
    [Output]
    public string Digest { get; set; } = "";

    /// <inheritdoc />
    public override bool Execute()
    {
        var succeeded = base.Execute();
        (Reference, Digest) = (Answer?.Reference ?? "", Answer?.Digest ?? "");
        return succeeded;
    }

    /// <inheritdoc />
    protected override IEnumerable<string> Arguments()
    {
        if (Push)
            yield return "--push";
        if (Verify)
            yield return "--verify";
    }
}
