using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.Llb;

/// <summary>Collects where vertices were written down (BuildKit's <c>pb.Source</c>).</summary>
internal sealed class SourceMapWriter
{
    private readonly Dictionary<SourceFile, int> _files = new(ReferenceEqualityComparer.Instance);
    private readonly SortedDictionary<string, Locations> _locations = new(StringComparer.Ordinal);

    public void Add(string digest, IReadOnlyList<SourceLocation> locations)
    {
        foreach (var location in locations)
        {
            if (!_files.TryGetValue(location.File, out var index))
                _files[location.File] = index = _files.Count;
            if (!_locations.TryGetValue(digest, out var entry))
                _locations[digest] = entry = new Locations();
            var range = new Location { SourceIndex = index };
            range.Ranges.Add(new Protocol.Range
            {
                Start = new Position { Line = location.FirstLine },
                End = new Position { Line = location.LastLine },
            });
            entry.Locations_.Add(range);
        }
    }

    /// <summary>The message; null where no vertex has a place.</summary>
    public Source? Build()
    {
        if (_files.Count == 0)
            return null;
        var source = new Source();
        foreach (var file in _files.OrderBy(f => f.Value).Select(f => f.Key))
            source.Infos.Add(new SourceInfo { Filename = file.Name, Data = ByteString.CopyFrom(file.Text.Span), Language = file.Language });
        foreach (var (digest, locations) in _locations)
            source.Locations[digest] = locations;
        return source;
    }
}
