using Envd.Core.StateFiles;
using Envd.Llb.Protocol;

namespace Envd.Runtime.Images;

/// <summary>Tells the engine where each vertex was declared, so that it can say so of a failing one. The files' text is not sent: an engine's history keeps it.</summary>
internal static class SourceMap
{
    public static void Attach(Definition definition, IReadOnlyDictionary<string, string> origins, IReadOnlyDictionary<string, RecordedPosition> positions)
    {
        var source = new Source();
        var files = new List<string>();
        foreach (var (digest, position) in PositionFiles.ByVertex(origins, positions).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            var index = files.IndexOf(position.File);
            if (index < 0)
            {
                index = files.Count;
                files.Add(position.File);
                source.Infos.Add(new SourceInfo { Filename = position.File, Language = "XML" });
            }
            var place = new Position { Line = position.Line, Character = position.Column };
            source.Locations[digest] = new Locations
            {
                Locations_ = { new Location { SourceIndex = index, Ranges = { new Envd.Llb.Protocol.Range { Start = place, End = place } } } },
            };
        }
        if (files.Count > 0)
            definition.Source = source;
    }
}
