using System.CommandLine;
using System.Runtime.InteropServices;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Progress.Renderers;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.StateFiles;
using Envd.Core.Worker;
using Envd.Runtime.Images;
using Envd.Runtime.Locks;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd worker`: what the image target of MSBuild starts. Speaks <see cref="WorkerMessage"/> on standard output, and ends when its input does.</summary>
internal sealed class WorkerCommand : EnvdCommand
{
    private readonly Option<int> _protocol = new("--protocol");
    private readonly Option<string> _project = new("--project") { Required = true };
    private readonly Option<string> _folder = new("--folder") { Required = true };
    private readonly Option<string> _state = new("--state") { Required = true };
    private readonly Option<string> _engine = new("--engine") { Required = true };
    private readonly Option<string> _context = new("--context");
    private readonly Option<bool> _push = new("--push");
    private readonly Option<bool> _verify = new("--verify");
    private readonly Option<bool> _lock = new("--lock");
    private readonly Option<string[]> _upgrade = new("--upgrade");
    private readonly Option<bool> _relayout = new("--relayout");

    public WorkerCommand(IInteraction interaction)
        : base("worker", "Builds an image for MSBuild.", interaction)
    {
        Hidden = true;
        foreach (var option in (Option[])[_protocol, _project, _folder, _state, _engine, _context, _push, _verify, _lock, _upgrade, _relayout])
            Options.Add(option);
    }

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        Send(new WorkerMessage { Type = "hello", Version = WorkerMessage.Protocol });
        if (parsed.GetValue(_protocol) != WorkerMessage.Protocol)
            return ExitCodes.Engine;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _ = StopAtEndOfInputAsync(stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => { context.Cancel = true; stop.Cancel(); });
        try
        {
            var request = new BuildRequest(new StateFolder(Path.TrimEndingDirectorySeparator(parsed.GetValue(_state)!)), parsed.GetValue(_project)!,
                Path.TrimEndingDirectorySeparator(parsed.GetValue(_folder)!), Engine(parsed), parsed.GetValue(_verify));
            if (parsed.GetValue(_lock))
            {
                await LockAsync(request, parsed.GetValue(_upgrade) ?? [], parsed.GetValue(_relayout), stop.Token);
                return ExitCodes.Success;
            }
            var builder = new ImageBuilder(new Reporter(this));
            var image = parsed.GetValue(_push) ? await builder.PushAsync(request, stop.Token) : await builder.BuildAsync(request, stop.Token);
            Send(new WorkerMessage { Type = "result", Digest = image.Digest, Reference = image.Reference });
            return ExitCodes.Success;
        }
        catch (EnvdException e)
        {
            Send(Message("error", e.Diagnostic));
            return ExitCodes.Of(e.Diagnostic.Code);
        }
    }

    private async Task LockAsync(BuildRequest request, string[] upgrade, bool relayout, CancellationToken cancellationToken)
    {
        var outcome = await new EnvironmentLocker(new Reporter(this)).ResolveAsync(request, new LockOptions { Upgrade = upgrade, UpgradeAll = upgrade.Contains("*"), Relayout = relayout }, cancellationToken);
        outcome.Files.Write(outcome.Locks);
        foreach (var warning in outcome.Warnings)
            Send(Message("warning", warning));
        foreach (var change in outcome.Changes)
            Send(new WorkerMessage { Type = "info", Text = change.ToString() });
        Send(new WorkerMessage { Type = "result" });
    }

    private static WorkerMessage Message(string type, Diagnostic diagnostic) => new()
    {
        Type = type,
        Code = diagnostic.Code,
        Text = diagnostic.Text,
        File = diagnostic.Position?.File ?? "",
        Line = diagnostic.Position?.Line ?? 0,
        Column = diagnostic.Position?.Column ?? 0,
    };

    /// <summary>The engine that the project's evaluation has found, with the certificates that belong to it.</summary>
    private EngineSelection Engine(ParseResult parsed)
    {
        const string plain = "buildkit+";
        var address = parsed.GetValue(_engine)!;
        var known = EngineSelection.Resolve(parsed.GetValue(_context) ?? "", Environment.GetEnvironmentVariable);
        return known.Address == address ? known
            : address.StartsWith(plain, StringComparison.Ordinal) ? new EngineSelection(address[plain.Length..], true, "BUILDKIT_HOST")
            : new EngineSelection(address, false, "the project's settings");
    }

    private void Send(WorkerMessage message) => Interaction.Data(message.ToLine());

    private static async Task StopAtEndOfInputAsync(CancellationTokenSource stop)
    {
        await using var input = Console.OpenStandardInput();
        var buffer = new byte[64];
        try
        {
            while (await input.ReadAsync(buffer) > 0)
            {
                // Nothing is ever said to the worker: its input is a leash.
            }
            await stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The build was over first.
        }
    }

    private sealed class Reporter(WorkerCommand worker) : IBuildReporter
    {
        public void Info(string text) => worker.Send(new WorkerMessage { Type = "info", Text = text });

        public void Progress(ProgressEvent progress)
        {
            if (PlainProgress.Line(progress, withOutput: true) is { } line)
                worker.Send(new WorkerMessage { Type = progress.Kind == ProgressKind.Log ? "log" : "step", Number = progress.Number, Text = line });
        }
    }
}
