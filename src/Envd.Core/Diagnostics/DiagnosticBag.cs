namespace Envd.Core.Diagnostics;

/// <summary>Collects everything that is wrong, so that a user sees it in one run.</summary>
public sealed class DiagnosticBag
{
    private readonly List<Diagnostic> _items = [];
    private readonly List<string> _notes = [];

    /// <summary>What was reported, in order.</summary>
    public IReadOnlyList<Diagnostic> Items => _items;

    /// <summary>Whether one of them is an error.</summary>
    public bool HasErrors => _items.Exists(d => !d.IsWarning);

    /// <summary>What a person may want to know, though nothing is wrong.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Reports an error; the same one at the same place counts once.</summary>
    public void Error(string code, string message, string hint = "", SourcePosition? position = null) =>
        Add(new Diagnostic(code, message, hint, position));

    /// <summary>Reports a warning.</summary>
    public void Warning(string code, string message, string hint = "", SourcePosition? position = null) =>
        Add(new Diagnostic(code, message, hint, position, IsWarning: true));

    /// <summary>Says something that is no mistake.</summary>
    public void Note(string text) => _notes.Add(text);

    /// <summary>Reports a diagnostic.</summary>
    public void Add(Diagnostic diagnostic)
    {
        if (!_items.Contains(diagnostic))
            _items.Add(diagnostic);
    }
}
