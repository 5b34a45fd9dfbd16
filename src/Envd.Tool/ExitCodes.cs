namespace Envd.Tool;

/// <summary>What the command returns to its shell.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>A command line that is none.</summary>
    public const int Usage = 1;

    /// <summary>ENVD1xxx and ENVD2xxx: the project.</summary>
    public const int Project = 2;

    /// <summary>ENVD3xxx: the engine.</summary>
    public const int Engine = 3;

    /// <summary>ENVD4xxx: packages and steps.</summary>
    public const int Build = 4;

    /// <summary>ENVD5xxx: the start.</summary>
    public const int Start = 5;

    /// <summary>Ctrl+C, as shells have it: 128 + SIGINT.</summary>
    public const int Cancelled = 130;

    /// <summary>The exit code of a diagnostic.</summary>
    public static int Of(string code) => code.Length > 4 ? code[4] switch { '1' or '2' => Project, '3' => Engine, '4' => Build, '5' => Start, _ => Usage } : Usage;
}
