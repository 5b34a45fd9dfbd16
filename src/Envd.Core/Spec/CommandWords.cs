using System.Text;

namespace Envd.Core.Spec;

/// <summary>Splits a command like a shell's words, without a shell: blanks, quotes and backslashes, nothing else is special.</summary>
internal static class CommandWords
{
    /// <returns>False where a quote is not closed.</returns>
    public static bool TrySplit(string text, out IReadOnlyList<string> words)
    {
        var result = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        char quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\'' && c != '\'')
            {
                word.Append(c);
            }
            else if (c == quote && quote != '\0')
            {
                quote = '\0';
            }
            else if (c == '\\' && i + 1 < text.Length && (quote == '\0' || text[i + 1] is '"' or '\\'))
            {
                word.Append(text[++i]);
                inWord = true;
            }
            else if (quote == '\0' && c is '\'' or '"' && quote == '\0')
            {
                quote = c;
                inWord = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (inWord)
                    result.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }
        if (inWord)
            result.Add(word.ToString());
        words = result;
        return quote == '\0';
    }
}
