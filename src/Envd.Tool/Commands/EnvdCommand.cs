using System.CommandLine;
using Envd.BuildKit;
using Envd.Core.Diagnostics;
using Envd.Runtime.Docker;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>A verb of the command: options, and what it does. Failures that a user can act on end here.</summary>
internal abstract class EnvdCommand : Command
{
    protected EnvdCommand(string name, string description, IInteraction interaction)
        : base(name, description)
    {
        Interaction = interaction;
        SetAction(RunAsync);
    }

    protected IInteraction Interaction { get; }

    protected abstract Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            return await ExecuteAsync(parsed, cancellationToken);
        }
        catch (EnvdException e)
        {
            Interaction.Show(e.Diagnostic);
            return ExitCodes.Of(e.Diagnostic.Code);
        }
        catch (EngineUnavailableException e)
        {
            Interaction.Show(new Diagnostic(e.WasConnected ? ErrorCodes.EngineLost : ErrorCodes.NoEngine, e.Message,
                "Start Docker, or name an engine by DOCKER_HOST or a docker context; `envd doctor` shows what was looked for."));
            return ExitCodes.Engine;
        }
        catch (DockerApiException e)
        {
            Interaction.Show(new Diagnostic(ErrorCodes.EngineRefused, $"The engine refused: {e.Message}"));
            return ExitCodes.Engine;
        }
        catch (OperationCanceledException)
        {
            Interaction.Say("Cancelled.");
            return ExitCodes.Cancelled;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Interaction.Show(new Diagnostic(ErrorCodes.StateNotWritable, e.Message));
            return ExitCodes.Project;
        }
    }
}
