using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

/// <summary>A tree that comes from outside the graph.</summary>
internal sealed class SourceVertex(SourceAttributes source, Platform? platform, VertexOptions? options) : Vertex([], options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.Source = new SourceOp { Identifier = source.Identifier };
        // A map field is written in insertion order, so the order here is part of the digest.
        foreach (var (key, value) in source.Attributes)
            op.Source.Attrs[key] = value;
        if (platform is not null)
            op.Platform = platform.ToProtocol();
        caps.UnionWith(source.Caps);
    }
}

/// <summary>What identifies a source: its address, attributes by name, and the capabilities that those need.</summary>
internal sealed class SourceAttributes(string identifier, string cap)
{
    public string Identifier { get; } = identifier;

    public SortedDictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public List<string> Caps { get; } = [cap];

    /// <summary>Adds an attribute with its capability, unless the value is empty.</summary>
    public void Add(string name, string? value, string? cap)
    {
        if (string.IsNullOrEmpty(value))
            return;
        Attributes[name] = value;
        if (cap is not null && !Caps.Contains(cap))
            Caps.Add(cap);
    }
}
