using System.Text.Json;

namespace Envd.Llb;

/// <summary>
/// A file tree that BuildKit can produce: one output of one vertex, or <see cref="Scratch"/>. States are immutable;
/// every operation returns a new one, and nothing is sent anywhere until <see cref="Marshaller.Marshal"/>.
/// </summary>
public sealed class State
{
    private State(Vertex? vertex, int output)
    {
        Vertex = vertex;
        Output = output;
    }

    /// <summary>The empty tree.</summary>
    public static State Scratch { get; } = new(null, 0);

    internal Vertex? Vertex { get; }

    internal int Output { get; }

    /// <summary>True for the empty tree, which is no vertex.</summary>
    public bool IsScratch => Vertex is null;

    /// <summary>The tree of an image.</summary>
    /// <param name="reference">Fully qualified: <c>docker.io/library/debian:trixie</c>, with a digest where one is known.</param>
    /// <param name="platform">Which of the image's platforms.</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Image(string reference, Platform platform, VertexOptions? options = null) =>
        new(new SourceVertex($"docker-image://{reference}", [], ["source.image"], platform, options), 0);

    /// <summary>A folder of the client, synchronised through the session.</summary>
    /// <param name="name">The name under which the session offers the folder.</param>
    /// <param name="local">What of it is sent.</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Local(string name, LocalOptions local, VertexOptions? options = null)
    {
        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var caps = new List<string> { "source.local" };
        if (local.IncludePatterns.Count > 0)
        {
            attributes["local.includepattern"] = JsonSerializer.Serialize(local.IncludePatterns, LlbJson.Default.IReadOnlyListString);
            caps.Add("source.local.includepatterns");
        }
        if (local.ExcludePatterns.Count > 0)
        {
            attributes["local.excludepatterns"] = JsonSerializer.Serialize(local.ExcludePatterns, LlbJson.Default.IReadOnlyListString);
            caps.Add("source.local.excludepatterns");
        }
        if (local.SharedKeyHint.Length > 0)
        {
            attributes["local.sharedkeyhint"] = local.SharedKeyHint;
            caps.Add("source.local.sharedkeyhint");
        }
        return new(new SourceVertex($"local://{name}", attributes, caps, null, options), 0);
    }

    /// <summary>A file from a web server, verified against its checksum.</summary>
    /// <param name="url">An http or https address.</param>
    /// <param name="checksum"><c>sha256:</c> and 64 hexadecimal digits; with it a second build asks the server nothing.</param>
    /// <param name="fileName">The name of the file in the tree.</param>
    /// <param name="mode">Permission bits; 0 leaves the engine's default (0600).</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Http(string url, string? checksum, string fileName, int mode = 0, VertexOptions? options = null)
    {
        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["http.filename"] = fileName };
        var caps = new List<string> { "source.http" };
        if (checksum is not null)
        {
            attributes["http.checksum"] = checksum;
            caps.Add("source.http.checksum");
        }
        if (mode != 0)
        {
            attributes["http.perm"] = "0" + Convert.ToString(mode, 8);
            caps.Add("source.http.perm");
        }
        return new(new SourceVertex(url, attributes, caps, null, options), 0);
    }

    /// <summary>Lays trees over each other; a later one wins. Needs an engine with MergeOp.</summary>
    /// <param name="inputs">Bottom first; empty trees are passed over.</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Merge(IEnumerable<State> inputs, VertexOptions? options = null)
    {
        var real = inputs.Where(s => !s.IsScratch).ToArray();
        return real.Length switch
        {
            0 => Scratch,
            1 => real[0],
            _ => new(new MergeVertex(real, options), 0),
        };
    }

    /// <summary>What <paramref name="upper"/> adds to, changes in and deletes from <paramref name="lower"/>. Needs an engine with DiffOp.</summary>
    public static State Diff(State lower, State upper, VertexOptions? options = null) =>
        upper.IsScratch ? Scratch
        : lower.IsScratch ? upper
        : new(new DiffVertex(lower, upper, options), 0);

    /// <summary>Runs a command on this tree and returns the tree that it leaves.</summary>
    public State Run(ExecOptions exec, VertexOptions? options = null) => new(new ExecVertex(this, exec, options), 0);

    /// <summary>Applies file actions, in order, as one vertex.</summary>
    public State File(IReadOnlyList<FileAction> actions, VertexOptions? options = null) =>
        actions.Count == 0 ? this : new(new FileVertex(this, actions, options), 0);
}
