using System.Reflection;

namespace Envd.Core.Lowering;

/// <summary>
/// The constant shell scripts of managed steps, kept as files beside this one. What a user declares reaches them as positional arguments
/// alone, so nothing of it is ever interpreted by a shell.
/// </summary>
internal static class StepScripts
{
    /// <summary>The text of a shell script.</summary>
    public static string Text(string name) => Resource(name + ".sh");

    /// <summary>The text of a file that a script is given.</summary>
    public static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("scripts/" + name)
            ?? throw new ArgumentException($"There is no script '{name}'.", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The argument vector that runs a script with arguments.</summary>
    public static IReadOnlyList<string> Command(string name, IEnumerable<string> arguments) => Command([name], name, arguments);

    /// <summary>The same for a script that leaves everything with one time.</summary>
    public static IReadOnlyList<string> TimedCommand(string name, IEnumerable<string> arguments) => Command(["times", name], name, arguments);

    /// <summary>The same for a script that calls apt_install.</summary>
    public static IReadOnlyList<string> AptCommand(string name, IEnumerable<string> arguments) => Command(["times", "apt", name], name, arguments);

    /// <summary>The same for a script whose apt_install says what would be installed.</summary>
    public static IReadOnlyList<string> AptQuestion(string name, IEnumerable<string> arguments) => Command(["times", "apt", "apt-lock", name], name, arguments);

    /// <summary>The same for a script that calls pip.</summary>
    public static IReadOnlyList<string> PipCommand(string name, IEnumerable<string> arguments) => Command(["times", "pip", name], name, arguments);

    /// <summary>The argument vector that runs a user's own text: by bash with pipefail where the base has it, or by the interpreter that <c>#!</c> names.</summary>
    public static IReadOnlyList<string> UserCommand(string text) => Command("user-run", [text]);

    private static IReadOnlyList<string> Command(IEnumerable<string> scripts, string name, IEnumerable<string> arguments) =>
        ["/bin/sh", "-euc", string.Concat(scripts.Select(Text)), name, .. arguments];
}
