using System.Diagnostics;
using Envd.Core.Diagnostics;
using Envd.Core.Worker;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>
/// Talks to an engine in a process of its own: an engine wants an HTTP/2 server of its client, which MSBuild's own process has no room for.
/// </summary>
public abstract class WorkerTask : Microsoft.Build.Utilities.Task, ICancelableTask, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _cancelled = new();

    /// <summary>The dotnet host. Ex: /usr/share/dotnet/dotnet.</summary>
    [Required]
    public string DotNetHost { get; set; } = "";

    /// <summary>The worker's assembly. Ex: tools/net10.0/any/envd.dll.</summary>
    [Required]
    public ITaskItem Worker { get; set; } = null!;

    /// <summary>The project file, for messages.</summary>
    [Required]
    public ITaskItem ProjectFile { get; set; } = null!;

    /// <summary>The context folder.</summary>
    [Required]
    public ITaskItem ContextDirectory { get; set; } = null!;

    /// <summary>The folder of env.spec.json and its siblings.</summary>
    [Required]
    public ITaskItem StateDirectory { get; set; } = null!;

    /// <summary>The engine, as ComposeEnvironment found it.</summary>
    [Required]
    public string Engine { get; set; } = "";

    /// <summary>EnvdContext, which the certificates of an encrypted engine belong to.</summary>
    public string EngineContext { get; set; } = "";

    /// <summary>The worker's answer.</summary>
    protected WorkerMessage? Answer { get; private set; }

    /// <summary>What the worker is told beside the project and the engine.</summary>
    protected abstract IEnumerable<string> Arguments();

    /// <inheritdoc />
    public override bool Execute()
    {
        using var process = new Process { StartInfo = StartInfo() };
        var errors = new Queue<string>();
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is null)
                return;
            lock (errors)
            {
                errors.Enqueue(e.Data);
                if (errors.Count > 20)
                    errors.Dequeue();
            }
        };
        process.Start();
        process.BeginErrorReadLine();
        // The worker ends when its input does, so it goes with us however we end.
        using var stop = _cancelled.Token.Register(() => Stop(process));
        while (process.StandardOutput.ReadLine() is { } line)
            Handle(WorkerMessage.Read(line), line);
        process.WaitForExit();
        if (_cancelled.IsCancellationRequested)
            return false;
        if (Answer is null && !Log.HasLoggedErrors)
            lock (errors)
                Log.LogDiagnostic(new Diagnostic(ErrorCodes.WorkerFailed, $"The worker ended with code {process.ExitCode} and no answer.", string.Join(' ', errors)));
        return !Log.HasLoggedErrors;
    }

    /// <inheritdoc />
    public void Cancel() => _cancelled.Cancel();

    /// <inheritdoc />
    public void Dispose()
    {
        _cancelled.Dispose();
        GC.SuppressFinalize(this);
    }

    private ProcessStartInfo StartInfo()
    {
        var info = new ProcessStartInfo(DotNetHost)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
            WorkingDirectory = Path.GetDirectoryName(ProjectFile.GetMetadata("FullPath")),
        };
        foreach (var argument in (string[])["exec", Worker.GetMetadata("FullPath"), "worker", "--protocol", $"{WorkerMessage.Protocol}",
            "--project", ProjectFile.GetMetadata("FullPath"), "--folder", ContextDirectory.GetMetadata("FullPath"),
            "--state", StateDirectory.GetMetadata("FullPath"), "--engine", Engine])
            info.ArgumentList.Add(argument);
        if (EngineContext.Length > 0)
        {
            info.ArgumentList.Add("--context");
            info.ArgumentList.Add(EngineContext);
        }
        foreach (var argument in Arguments())
            info.ArgumentList.Add(argument);
        return info;
    }

    private void Handle(WorkerMessage? message, string line)
    {
        switch (message?.Type)
        {
            case "hello" when message.Version != WorkerMessage.Protocol:
                Log.LogDiagnostic(new Diagnostic(ErrorCodes.ProtocolMismatch, $"The worker speaks protocol {message.Version}, this SDK {WorkerMessage.Protocol}.",
                    "Use Envd.Sdk and the envd command of one version."));
                break;
            case "hello":
                break;
            case "step":
                Log.LogMessage(MessageImportance.Normal, "{0}", message.Text);
                break;
            case "info":
                Log.LogMessage(MessageImportance.High, "{0}", message.Text);
                break;
            case "warning":
            case "error":
                Log.LogDiagnostic(new Diagnostic(message.Code, message.Text, "",
                    message.File.Length > 0 ? new SourcePosition(message.File, message.Line, message.Column) : null, message.Type == "warning"));
                break;
            case "result":
                Answer = message;
                break;
            default:
                Log.LogMessage(MessageImportance.Low, "{0}", message?.Text ?? line);
                break;
        }
    }

    private static void Stop(Process process)
    {
        try
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(Patience))
                process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // It has ended by itself.
        }
    }
}
