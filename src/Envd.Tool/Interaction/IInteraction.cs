using Envd.Core.Diagnostics;

namespace Envd.Tool.Interaction;

/// <summary>The command's only way to its user: data on standard output, all that is for people on standard error.</summary>
internal interface IInteraction
{
    /// <summary>Writes a line of data.</summary>
    void Data(string line);

    /// <summary>Writes a line for people.</summary>
    void Say(string line);

    /// <summary>Writes a diagnostic in the form that MSBuild and IDEs read.</summary>
    void Show(Diagnostic diagnostic);

    /// <summary>A person sits at a terminal.</summary>
    bool IsInteractive { get; }

    /// <summary>A terminal that can be drawn on; null where standard error is none.</summary>
    TextWriter? Terminal { get; }
}

/// <summary>The process' own console.</summary>
internal sealed class ConsoleInteraction : IInteraction
{
    private readonly Lock _lock = new();

    public bool IsInteractive => !Console.IsInputRedirected && !Console.IsOutputRedirected;

    public TextWriter? Terminal =>
        !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb" ? Console.Error : null;

    public void Data(string line)
    {
        lock (_lock)
            Console.Out.WriteLine(line);
    }

    public void Say(string line)
    {
        lock (_lock)
            Console.Error.WriteLine(line);
    }

    public void Show(Diagnostic diagnostic)
    {
        var place = diagnostic.Position is { } p ? p.ToString() : "envd";
        Say($"{place}: {(diagnostic.IsWarning ? "warning" : "error")} {diagnostic.Code}: {diagnostic.Text}");
    }
}
