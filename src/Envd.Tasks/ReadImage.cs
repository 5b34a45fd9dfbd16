using Envd.Core.StateFiles;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Reads the record of a built image, for what the image target returns.</summary>
public sealed class ReadImage : Microsoft.Build.Utilities.Task
{
    /// <summary>The record.</summary>
    [Required]
    public ITaskItem ImageFile { get; set; } = null!;

    /// <summary>The image's name.</summary>
    [Output]
    public string Reference { get; set; } = "";

    /// <summary>The image's digest.</summary>
    [Output]
    public string Digest { get; set; } = "";

    /// <inheritdoc />
    public override bool Execute()
    {
        if (ImageRecord.Read(ImageFile.GetMetadata("FullPath")) is { } record)
        {
            Reference = record.Reference;
            Digest = record.Digest;
        }
        return true;
    }
}
