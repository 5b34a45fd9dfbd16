using System.Globalization;
using System.Text;

namespace Envd.Core.Toml;

/// <summary>A table of a TOML document: strings, <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, lists and tables; dates stay text.</summary>
public sealed class TomlTable : Dictionary<string, object>
{
    /// <summary>An empty table.</summary>
    public TomlTable()
        : base(StringComparer.Ordinal)
    {
    }

    /// <summary>The table under a name; null where there is none.</summary>
    public TomlTable? Table(string name) => this.GetValueOrDefault(name) as TomlTable;

    /// <summary>The text under a name; empty where there is none.</summary>
    public string Text(string name) => this.GetValueOrDefault(name) as string ?? "";

    /// <summary>The list under a name; empty where there is none.</summary>
    public IReadOnlyList<object> List(string name) => this.GetValueOrDefault(name) as List<object> ?? [];

    /// <summary>The strings of the list under a name.</summary>
    public IReadOnlyList<string> Texts(string name) => [.. List(name).OfType<string>()];
}

/// <summary>A document is no TOML.</summary>
/// <param name="message">Why.</param>
/// <param name="line">Where, from 1.</param>
public sealed class TomlException(string message, int line) : Exception(message)
{
    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;
}

/// <summary>Reads TOML 1.0 (https://toml.io/en/v1.0.0). No library for it restores from the feeds that build here: docs/dependencies.md.</summary>
public sealed class TomlDocument
{
    private const int MaximumDepth = 64;

    private readonly string _text;
    private readonly HashSet<TomlTable> _closed = [];
    private int _at;

    private TomlDocument(string text) => _text = text.Replace("\r\n", "\n", StringComparison.Ordinal);

    /// <summary>Reads a document.</summary>
    /// <exception cref="TomlException">It is none.</exception>
    public static TomlTable Read(string text) => new TomlDocument(text).ReadDocument();

    private TomlTable ReadDocument()
    {
        var root = new TomlTable();
        var table = root;
        while (true)
        {
            SkipBlank(lines: true);
            if (_at == _text.Length)
                return root;
            if (_text[_at] == '[')
            {
                table = ReadHeader(root);
            }
            else
            {
                ReadPair(table, 0);
            }
            EndLine();
        }
    }

    private TomlTable ReadHeader(TomlTable root)
    {
        _at++;
        var ofArray = Take('[');
        var path = ReadKey();
        Expect(']');
        if (ofArray)
            Expect(']');
        var parent = Descend(root, path[..^1]);
        var name = path[^1];
        if (ofArray)
        {
            var list = parent.GetValueOrDefault(name) as List<object>;
            if (list is null && !parent.TryAdd(name, list = []))
                throw Error($"'{name}' is no array of tables");
            var element = new TomlTable();
            list!.Add(element);
            return element;
        }
        if (parent.GetValueOrDefault(name) is not { } there)
        {
            var made = new TomlTable();
            parent[name] = made;
            _closed.Add(made);
            return made;
        }
        // A table that came into being by a longer name may still be opened, once.
        return there is TomlTable known && _closed.Add(known) ? known : throw Error($"'{name}' is declared twice");
    }

    private TomlTable Descend(TomlTable table, IEnumerable<string> path)
    {
        foreach (var part in path)
        {
            if (!table.TryGetValue(part, out var next))
                table[part] = next = new TomlTable();
            table = next switch
            {
                TomlTable inner => inner,
                List<object> { Count: > 0 } list when list[^1] is TomlTable last => last,
                _ => throw Error($"'{part}' is no table"),
            };
        }
        return table;
    }

    private void ReadPair(TomlTable table, int depth)
    {
        var path = ReadKey();
        Expect('=');
        SkipBlank(lines: false);
        var parent = Descend(table, path[..^1]);
        if (!parent.TryAdd(path[^1], ReadValue(depth)))
            throw Error($"'{path[^1]}' is declared twice");
    }

    private List<string> ReadKey()
    {
        var path = new List<string>();
        do
        {
            SkipBlank(lines: false);
            if (_at < _text.Length && _text[_at] is '"' or '\'')
            {
                path.Add(ReadString());
            }
            else
            {
                var start = _at;
                while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '_' or '-'))
                    _at++;
                if (_at == start)
                    throw Error("a key is missing");
                path.Add(_text[start.._at]);
            }
            SkipBlank(lines: false);
        }
        while (Take('.'));
        return path;
    }

    private object ReadValue(int depth)
    {
        if (depth > MaximumDepth)
            throw Error("too deeply nested");
        if (_at == _text.Length)
            throw Error("a value is missing");
        switch (_text[_at])
        {
            case '"' or '\'':
                return ReadString();
            case '[':
                return ReadArray(depth);
            case '{':
                return ReadInline(depth);
        }
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '+' or '-' or '.' or '_' or ':'))
            _at++;
        // A date and its time may stand apart.
        if (_at - start == 10 && _text[start + 4] == '-' && _at + 1 < _text.Length && _text[_at] == ' ' && char.IsAsciiDigit(_text[_at + 1]))
        {
            _at++;
            while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '+' or '-' or '.' or ':'))
                _at++;
        }
        var text = _text[start.._at];
        if (text is "true" or "false")
            return text == "true";
        var plain = text.Replace("_", "", StringComparison.Ordinal);
        foreach (var (prefix, radix) in new[] { ("0x", 16), ("0o", 8), ("0b", 2) })
            if (plain.StartsWith(prefix, StringComparison.Ordinal))
            {
                try
                {
                    return Convert.ToInt64(plain[2..], radix);
                }
                catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
                {
                    throw Error($"'{text}' is no number");
                }
            }
        if (long.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;
        if (plain.TrimStart('+', '-') is "inf" or "nan")
            return plain.EndsWith("nan", StringComparison.Ordinal) ? double.NaN : plain[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        if (double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var real))
            return real;
        // Dates and times: nothing here computes with them.
        if (text.Length >= 8 && char.IsAsciiDigit(text[0]) && (text[4] == '-' || text[2] == ':'))
            return text;
        throw Error(text.Length == 0 ? "a value is missing" : $"'{text}' is no value");
    }

    private List<object> ReadArray(int depth)
    {
        _at++;
        var list = new List<object>();
        while (true)
        {
            SkipBlank(lines: true);
            if (Take(']'))
                return list;
            list.Add(ReadValue(depth + 1));
            SkipBlank(lines: true);
            if (Take(','))
                continue;
            Expect(']');
            return list;
        }
    }

    private TomlTable ReadInline(int depth)
    {
        _at++;
        var table = new TomlTable();
        SkipBlank(lines: false);
        if (Take('}'))
            return table;
        while (true)
        {
            ReadPair(table, depth + 1);
            SkipBlank(lines: false);
            if (Take(','))
                continue;
            Expect('}');
            return table;
        }
    }

    private string ReadString()
    {
        var quote = _text[_at];
        var triple = _at + 2 < _text.Length && _text[_at + 1] == quote && _text[_at + 2] == quote;
        _at += triple ? 3 : 1;
        if (triple && _at < _text.Length && _text[_at] == '\n')
            _at++;
        var result = new StringBuilder();
        while (true)
        {
            if (_at == _text.Length)
                throw Error("a string does not end");
            var c = _text[_at];
            if (c == quote)
            {
                if (!triple)
                {
                    _at++;
                    return result.ToString();
                }
                var run = 1;
                while (run < 5 && _at + run < _text.Length && _text[_at + run] == quote)
                    run++;
                _at += run;
                result.Append(quote, run >= 3 ? run - 3 : run);
                if (run >= 3)
                    return result.ToString();
                continue;
            }
            if (c == '\n' && !triple)
                throw Error("a string does not end on its line");
            _at++;
            if (c == '\\' && quote == '"')
                ReadEscape(result, triple);
            else
                result.Append(c);
        }
    }

    private void ReadEscape(StringBuilder result, bool triple)
    {
        var c = _at < _text.Length ? _text[_at++] : '\0';
        switch (c)
        {
            case 'b': result.Append('\b'); return;
            case 't': result.Append('\t'); return;
            case 'n': result.Append('\n'); return;
            case 'f': result.Append('\f'); return;
            case 'r': result.Append('\r'); return;
            case '"' or '\\': result.Append(c); return;
            case 'u' or 'U':
                var digits = c == 'u' ? 4 : 8;
                if (_at + digits > _text.Length || !int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
                    throw Error("an escape is no character");
                _at += digits;
                result.Append(new Rune(code).ToString());
                return;
        }
        if (!triple || !char.IsWhiteSpace(c))
            throw Error($"'\\{c}' is no escape");
        // A backslash at the end of a line takes the white space up to the next text with it.
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
    }

    private void SkipBlank(bool lines)
    {
        while (_at < _text.Length)
        {
            var c = _text[_at];
            if (c is ' ' or '\t' || (lines && c == '\n'))
                _at++;
            else if (c == '#' && lines)
                SkipComment();
            else
                return;
        }
    }

    private void SkipComment()
    {
        while (_at < _text.Length && _text[_at] != '\n')
            _at++;
    }

    private void EndLine()
    {
        SkipBlank(lines: false);
        if (_at < _text.Length && _text[_at] == '#')
            SkipComment();
        if (_at < _text.Length && _text[_at] != '\n')
            throw Error($"'{_text[_at]}' is not expected here");
    }

    private bool Take(char c)
    {
        if (_at == _text.Length || _text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private void Expect(char c)
    {
        SkipBlank(lines: false);
        if (!Take(c))
            throw Error($"'{c}' is expected");
    }

    private TomlException Error(string message) => new(message, 1 + _text.AsSpan(0, Math.Min(_at, _text.Length)).Count('\n'));
}
