using System.Text.Json;

namespace Envd.Core.StateFiles;

/// <summary>What the last build of an engine did with each state: build-KEY.json. A courtesy to readers; nothing depends on it.</summary>
/// <param name="Steps">The states that took part, in the engine's order.</param>
public sealed record BuildReport(IReadOnlyList<BuiltStep> Steps)
{
    /// <summary>The bytes of the file.</summary>
    public byte[] ToBytes() => [.. JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Default.BuildReport), (byte)'\n'];

    /// <summary>Reads the file; null where there is none.</summary>
    public static BuildReport? Read(string path)
    {
        try
        {
            return AtomicFile.ReadOrNull(path) is { } bytes ? JsonSerializer.Deserialize(bytes, StateJson.Default.BuildReport) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A state of the last build.</summary>
/// <param name="Title">What people read.</param>
/// <param name="Cached">It was there already.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Reason">Why it ran; empty where it did not, or always does.</param>
public sealed record BuiltStep(string Title, bool Cached, double Seconds, string? Reason = null);
