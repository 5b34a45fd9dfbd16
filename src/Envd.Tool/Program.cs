using System.CommandLine;
using Envd.Tool.Commands;
using Envd.Tool.Interaction;

namespace Envd.Tool;

/// <summary>The `envd` command.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        var interaction = new ConsoleInteraction();
        var root = new RootCommand("Machine-learning environments that are declared, not assembled.")
        {
            new UpCommand(interaction),
            new DownCommand(interaction),
            new ModuleCommand(interaction),
            new ListCommand(interaction),
            new ExecCommand(interaction),
            new BuildCommand(interaction),
            new LockCommand(interaction),
            new OutdatedCommand(interaction),
            new BundleCommand(interaction),
            new ExplainCommand(interaction),
            new DoctorCommand(interaction),
            new WorkerCommand(interaction),
        };
        return await root.Parse(args).InvokeAsync();
    }
}
