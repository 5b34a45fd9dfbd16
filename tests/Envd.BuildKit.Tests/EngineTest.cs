using Envd.BuildKit.Client;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>What tests on a real engine have in common.</summary>
public abstract class EngineTest
{
    protected static readonly Platform Amd64 = new("linux", "amd64");

    public TestContext TestContext { get; set; } = null!;

    protected CancellationToken Token => TestContext.CancellationTokenSource.Token;

    protected static State Base => State.Image(TestEngine.BaseImage, Amd64);

    /// <summary>A command that no other build has run.</summary>
    protected static ExecOptions Shell(string script, params ExecMount[] mounts) =>
        new() { Arguments = ["/bin/sh", "-euc", $"{script}\n# {Guid.NewGuid():N}"], Mounts = mounts };

    /// <summary>Builds a state, returns what its steps wrote, and leaves its files in a folder.</summary>
    protected async Task<IReadOnlyList<string>> BuildAsync(string engine, State state, SessionOptions? session = null, string? export = null, IReadOnlyList<string>? entitlements = null)
    {
        var lines = new List<string>();
        using var client = TestEngine.Client(engine);
        session ??= new SessionOptions();
        await client.SolveAsync(Marshaller.Marshal(state).Definition, new SolveOptions
        {
            Exporters = export is null ? [] : [new ExporterOptions("local")],
            Session = export is null ? session : session with { Exports = [new FolderExportTarget(export)] },
            Entitlements = entitlements ?? [],
            Progress = e => { if (e.Kind == ProgressKind.Log) lines.Add(e.Text!); },
        }, Token);
        return lines;
    }

    /// <summary>The lines are these, and a failure shows both.</summary>
    protected static void Equal(IReadOnlyList<string> expected, IReadOnlyList<string> actual) => Assert.AreEqual(string.Join('\n', expected), string.Join('\n', actual));
}
