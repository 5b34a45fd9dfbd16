using System.Text;

namespace Envd.Core.ProjectFile;

/// <summary>MSBuild's own escaping: <c>%</c> and two hexadecimal digits.</summary>
internal static class MSBuildText
{
    // The characters that mean something to MSBuild and so must be escaped to stand for themselves.
    private const string Special = "%$@'();?*";

    public static string Unescape(string text) => Unescape(text, static _ => true);

    public static string UnescapeSpecial(string text) => Unescape(text, static c => Special.Contains(c, StringComparison.Ordinal));

    private static string Unescape(string text, Func<char, bool> undo)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2])
                && (char)Convert.ToInt32(text.Substring(i + 1, 2), 16) is var c && undo(c))
            {
                result.Append(c);
                i += 2;
            }
            else
            {
                result.Append(text[i]);
            }
        }
        return result.ToString();
    }
}
