namespace Envd.Llb;

/// <summary>
/// Patterns in the language of .dockerignore: <c>*</c>, <c>?</c>, <c>[a-z]</c> and <c>\</c> within a segment,
/// <c>**</c> for any number of segments, <c>!</c> for an exception; the last match wins, and a match of a folder is a match of all below it.
/// </summary>
public sealed class PatternSet
{
    private readonly List<(string[] Segments, bool Exception)> _patterns = [];

    /// <summary>Reads patterns; empty lines and those starting with <c>#</c> are passed over.</summary>
    public PatternSet(IEnumerable<string> patterns)
    {
        foreach (var line in patterns)
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
                continue;
            var exception = text[0] == '!';
            var segments = Clean(exception ? text[1..] : text);
            if (segments.Length > 0)
            {
                _patterns.Add((segments, exception));
                HasExceptions |= exception;
            }
        }
    }

    /// <summary>No pattern at all.</summary>
    public bool IsEmpty => _patterns.Count == 0;

    /// <summary>Whether a folder that matches may still hold something that does not.</summary>
    public bool HasExceptions { get; }

    /// <summary>Does the path, or a folder above it, match?</summary>
    /// <param name="path">Relative, with <c>/</c> between segments.</param>
    public bool Matches(string path)
    {
        var segments = path.Split('/');
        var matched = false;
        foreach (var (pattern, exception) in _patterns)
            if (matched == exception && MatchesHead(pattern, segments))
                matched = !exception;
        return matched;
    }

    /// <summary>May something below this folder match?</summary>
    public bool MayMatchBelow(string folder)
    {
        var segments = folder.Split('/');
        foreach (var (pattern, exception) in _patterns)
            if (!exception && Reaches(pattern, 0, segments, 0))
                return true;
        return false;
    }

    /// <summary>The folders in front of the first wildcard: what has to be walked to find every match. <c>""</c> is the root.</summary>
    public IReadOnlyList<string> Roots() =>
        [.. _patterns.Where(p => !p.Exception)
            .Select(p => string.Join('/', p.Segments.TakeWhile(s => !HasWildcard(s)))).Distinct(StringComparer.Ordinal)];

    /// <summary>Does the text hold a character that is special in a pattern?</summary>
    public static bool HasWildcard(string text) => text.AsSpan().IndexOfAny("*?[\\") >= 0;

    private static string[] Clean(string pattern)
    {
        var result = new List<string>();
        foreach (var segment in pattern.Split('/'))
        {
            if (segment is "" or ".")
                continue;
            if (segment == ".." && result.Count > 0)
                result.RemoveAt(result.Count - 1);
            else if (segment != "..")
                result.Add(segment);
        }
        return [.. result];
    }

    /// <summary>The pattern matches the whole path, or a folder above it.</summary>
    private static bool MatchesHead(string[] pattern, string[] path) => MatchesHead(pattern, 0, path, 0);

    private static bool MatchesHead(string[] pattern, int p, string[] path, int s)
    {
        for (; p < pattern.Length; p++, s++)
        {
            if (pattern[p] == "**")
            {
                // At the end it asks for at least one more segment; in the middle for any number, none included.
                if (p == pattern.Length - 1)
                    return s < path.Length;
                for (var skip = s; skip < path.Length; skip++)
                    if (MatchesHead(pattern, p + 1, path, skip))
                        return true;
                return false;
            }
            if (s >= path.Length || !MatchesSegment(pattern[p], path[s]))
                return false;
        }
        return true;
    }

    private static bool Reaches(string[] pattern, int p, string[] folder, int s)
    {
        for (; s < folder.Length; p++, s++)
        {
            if (p >= pattern.Length || pattern[p] == "**")
                return true;
            if (!MatchesSegment(pattern[p], folder[s]))
                return false;
        }
        return true;
    }

    private static bool MatchesSegment(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                mark = t;
            }
            else if (p < pattern.Length && MatchesOne(pattern, ref p, text[t]))
            {
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }
        while (p < pattern.Length && pattern[p] == '*')
            p++;
        return p == pattern.Length;
    }

    private static bool MatchesOne(ReadOnlySpan<char> pattern, ref int p, char c)
    {
        switch (pattern[p])
        {
            case '?':
                p++;
                return true;
            case '\\' when p + 1 < pattern.Length:
                if (pattern[p + 1] != c)
                    return false;
                p += 2;
                return true;
            case '[' when pattern[p..].IndexOf(']') is var length and > 1:
                var set = pattern.Slice(p + 1, length - 1);
                var negated = set[0] is '^' or '!';
                var found = false;
                for (var i = negated ? 1 : 0; i < set.Length; i++)
                {
                    if (i + 2 < set.Length && set[i + 1] == '-')
                    {
                        found |= set[i] <= c && c <= set[i + 2];
                        i += 2;
                    }
                    else
                    {
                        found |= set[i] == c;
                    }
                }
                if (found == negated)
                    return false;
                p += length + 1;
                return true;
            default:
                if (pattern[p] != c)
                    return false;
                p++;
                return true;
        }
    }
}
