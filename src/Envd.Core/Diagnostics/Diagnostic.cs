namespace Envd.Core.Diagnostics;

/// <summary>A place in a project file; line and column count from 1.</summary>
/// <param name="File">Absolute, or relative to the project.</param>
/// <param name="Line">0 where only the file is known.</param>
/// <param name="Column">0 where only the line is known.</param>
public sealed record SourcePosition(string File, int Line, int Column)
{
    /// <inheritdoc />
    public override string ToString() => Line == 0 ? File : $"{File}({Line},{Column})";
}

/// <summary>Something to tell the user: what is wrong, where, and what to write instead.</summary>
/// <param name="Code">One of <see cref="ErrorCodes"/>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Hint">What to write or do instead; may be empty.</param>
/// <param name="Position">Where; null where no file is to blame.</param>
/// <param name="IsWarning">The build goes on.</param>
public sealed record Diagnostic(string Code, string Message, string Hint = "", SourcePosition? Position = null, bool IsWarning = false)
{
    /// <summary>Message and hint in one line.</summary>
    public string Text => Hint.Length == 0 ? Message : $"{Message} {Hint}";
}

/// <summary>A failure that a user can act on.</summary>
public sealed class EnvdException(Diagnostic diagnostic, Exception? inner = null) : Exception(diagnostic.Text, inner)
{
    /// <summary>Makes the exception from its parts.</summary>
    public EnvdException(string code, string message, string hint = "", SourcePosition? position = null, Exception? inner = null)
        : this(new Diagnostic(code, message, hint, position), inner)
    {
    }

    /// <summary>What to show.</summary>
    public Diagnostic Diagnostic { get; } = diagnostic;
}
