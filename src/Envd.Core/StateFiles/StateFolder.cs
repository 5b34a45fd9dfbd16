namespace Envd.Core.StateFiles;

/// <summary>The files of an environment below obj/envd. Each can be deleted: it is made again.</summary>
/// <param name="Path">Absolute.</param>
public sealed record StateFolder(string Path)
{
    /// <summary>The graph of an engine's last build.</summary>
    public string BuiltGraph(string engineKey) => File($"built-{engineKey}.graph.json");

    /// <summary>inputs.json as it was then.</summary>
    public string BuiltInputs(string engineKey) => File($"built-{engineKey}.inputs.json");

    /// <summary>The list of what is in an engine's last image (SPDX).</summary>
    public string BillOfMaterials(string engineKey) => File($"sbom-{engineKey}.spdx.json");

    /// <summary>What the lock does not cover, a line each; absent where it covers all.</summary>
    public string LockChanges => File("lock.changes");

    /// <summary>What the project declares about its image.</summary>
    public string Spec => File("env.spec.json");

    /// <summary>What its start needs.</summary>
    public string Run => File("env.run.json");

    /// <summary>The graph of states.</summary>
    public string Graph => File("env.graph.json");

    /// <summary>BuildKit's definition.</summary>
    public string Llb => File("env.llb");

    /// <summary>Where each item stands.</summary>
    public string Positions => File("env.positions.json");

    /// <summary>Where the item of each vertex stands.</summary>
    public string Sources => File("env.sources.json");

    /// <summary>Path, size, time and mode of every file that the image is made from.</summary>
    public string Inputs => File("inputs.json");

    /// <summary>What the last composition saw, so that the next one can see that nothing changed.</summary>
    public string ComposeStamp => File("compose.stamp");

    /// <summary>What the last evaluation by the command saw.</summary>
    public string Evaluation => File("evaluation.json");

    /// <summary>Held while the image is built.</summary>
    public string Lock => File("build.lock");

    /// <summary>The image on one engine.</summary>
    public string Image(string engineKey) => File($"image-{engineKey}.json");

    /// <summary>The graph as it was solved on one engine, where that differs from the emitted one.</summary>
    public string SolvedGraph(string engineKey) => File($"env.graph-{engineKey}.json");

    /// <summary>What the last build on one engine did.</summary>
    public string Build(string engineKey) => File($"build-{engineKey}.json");

    /// <summary>The graph as Graphviz' DOT.</summary>
    public string GraphDot => File("env.graph.dot");

    /// <summary>The graph as Mermaid.</summary>
    public string GraphMermaid => File("env.graph.mmd");

    /// <summary>The graph as a page.</summary>
    public string GraphPage => File("env.graph.html");

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
