namespace Envd.Core.Graph;

/// <summary>A step of apt upon the environment's own base.</summary>
/// <param name="Id">The step's id, as the lock names it.</param>
/// <param name="Script">What runs.</param>
/// <param name="Arguments">Its arguments.</param>
internal sealed record LockableAptStep(string Id, string Script, IReadOnlyList<string> Arguments)
{
    /// <summary>What is asked for, as a lock compares it: packages, or the wanted language and version.</summary>
    public IReadOnlyList<string> Packages => Script == "apt-install" ? Arguments : [string.Join(' ', Arguments.Prepend(Script)).TrimEnd()];

    /// <summary>Names of what is asked for; all else comes along, and apt may remove it when nothing needs it any more.</summary>
    public IEnumerable<string> Names => Script switch
    {
        "apt-install" => Arguments.Select(p => p.Split('=')[0]),
        "language" => Arguments.Skip(2), // after the language and its version
        _ => ["python3", "python3-venv"],
    };
}
