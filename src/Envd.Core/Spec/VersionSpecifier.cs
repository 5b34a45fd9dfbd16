using System.Text.RegularExpressions;

namespace Envd.Core.Spec;

/// <summary>The forms in which a project file states versions, as a PEP 440 specifier.</summary>
public static partial class VersionSpecifier
{
    /// <summary>
    /// Reads a release (<c>2.8.0</c>: exactly it), a prefix (<c>2.8.*</c>), a compatible release (<c>~=2.8</c>), NuGet's interval
    /// (<c>[2.6,3)</c>) or a PEP 440 list. Empty stays empty: any version.
    /// </summary>
    /// <returns>False where the text is none of these.</returns>
    public static bool TryParse(string text, out string specifier)
    {
        text = text.Replace(" ", "", StringComparison.Ordinal);
        specifier = text;
        if (text.Length == 0)
            return true;
        if (text[0] is '[' or '(')
            return TryParseInterval(text, out specifier);
        if (char.IsAsciiDigit(text[0]))
        {
            specifier = "==" + text;
            return Release().IsMatch(text);
        }
        return text.Split(',').All(part => Clause().IsMatch(part));
    }

    private static bool TryParseInterval(string text, out string specifier)
    {
        specifier = "";
        if (text.Length < 3 || text[^1] is not (']' or ')'))
            return false;
        var bounds = text[1..^1].Split(',');
        if (bounds.Any(b => b.Length > 0 && !Version().IsMatch(b)))
            return false;
        if (bounds.Length == 1)
        {
            // [1.0] is exactly 1.0; (1.0) is nothing at all.
            specifier = "==" + bounds[0];
            return text[0] == '[' && text[^1] == ']' && bounds[0].Length > 0;
        }
        if (bounds.Length != 2 || (bounds[0].Length == 0 && bounds[1].Length == 0))
            return false;
        var parts = new List<string>();
        if (bounds[0].Length > 0)
            parts.Add((text[0] == '[' ? ">=" : ">") + bounds[0]);
        if (bounds[1].Length > 0)
            parts.Add((text[^1] == ']' ? "<=" : "<") + bounds[1]);
        specifier = string.Join(',', parts);
        return true;
    }

    [GeneratedRegex(@"^[0-9][A-Za-z0-9.!+_-]*(\.\*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Release();

    [GeneratedRegex(@"^[0-9][A-Za-z0-9.!+_-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Version();

    [GeneratedRegex(@"^(===|==|~=|!=|>=|<=|>|<)[0-9][A-Za-z0-9.!+_-]*(\.\*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Clause();
}
