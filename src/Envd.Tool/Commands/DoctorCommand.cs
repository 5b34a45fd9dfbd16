using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Envd.BuildKit;
using Envd.BuildKit.Client;
using Envd.Core.Engines;
using Envd.Runtime.Docker;
using Envd.Tool.Interaction;

namespace Envd.Tool.Commands;

/// <summary>`envd doctor`: what was found on this machine, what is missing, and the command that mends it.</summary>
internal sealed class DoctorCommand(IInteraction interaction) : EnvdCommand("doctor", "Explain this machine: SDK, engine, image store, disk.", interaction)
{
    private const long WantedDisk = 5L << 30;

    private bool _healthy = true;

    protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        Found("envd", typeof(DoctorCommand).Assembly.GetName().Version?.ToString(3) ?? "unknown");
        if (await OutputAsync("dotnet", ["--version"], cancellationToken) is { } sdk && int.TryParse(sdk.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major))
            Check(major >= 10, ".NET SDK", sdk, "Install .NET SDK 10 or newer: https://dotnet.microsoft.com/download");
        else
            Check(false, ".NET SDK", "not found", "Install .NET SDK 10 and put `dotnet` on the PATH: https://dotnet.microsoft.com/download");
        await CheckEngineAsync(EnvironmentName.Engine(), cancellationToken);
        Check(await OutputAsync("ssh", ["-V"], cancellationToken) is not null, "ssh", "client found", "Install it for `ssh NAME.envd`: apt-get install openssh-client", required: false);
        return _healthy ? ExitCodes.Success : ExitCodes.Engine;
    }

    private async Task CheckEngineAsync(EngineSelection engine, CancellationToken cancellationToken)
    {
        Found("engine", $"{engine.Address} (from {engine.Origin})");
        try
        {
            using var client = new BuildKitClient(EngineConnection.AddressOf(engine), new BuildKitClientOptions { ConnectTimeout = TimeSpan.FromSeconds(5) });
            var info = await client.GetEngineAsync(cancellationToken);
            Found("BuildKit", $"worker {info.WorkerId}, {info.Platform}");
            Found("image store", info.ImageStore);
            if (info.CanMerge)
                Found("plan", "merge: parts are built beside each other");
            else
                Check(false, "plan", "linear: this engine has no merge", "Faster builds: set \"features\": {\"containerd-snapshotter\": true} in /etc/docker/daemon.json and restart Docker", required: false);
            if (engine.IsBuildKit)
                return;
            using var docker = EngineConnection.OpenDocker(engine);
            var version = await docker.GetAsync("version", cancellationToken);
            Found("Docker", $"{version?["Version"]} (API {version?["ApiVersion"]})");
            var details = await docker.GetAsync("info", cancellationToken);
            CheckDisk(details?["DockerRootDir"]?.GetValue<string>(), engine);
        }
        catch (CapabilityException e)
        {
            Check(false, "engine", e.Message, "Install Docker 23 or newer.");
        }
        catch (EngineUnavailableException e)
        {
            Check(false, "engine", e.Message, OperatingSystem.IsLinux() ? "Start it: systemctl start docker; or install it: apt-get install docker.io" : "Start Docker Desktop.");
        }
    }

    private void CheckDisk(string? root, EngineSelection engine)
    {
        if (root is null || !engine.Address.StartsWith("unix://", StringComparison.Ordinal) || !Directory.Exists(root))
            return; // the engine's disk is not this machine's to see
        var free = new DriveInfo(root).AvailableFreeSpace;
        Check(free >= WantedDisk, "disk", $"{free >> 30} GiB free for the engine", "Free some: docker builder prune", required: false);
    }

    private void Found(string what, string value) => Interaction.Data($"ok       {what,-12} {value}");

    private void Check(bool holds, string what, string value, string mend, bool required = true)
    {
        if (holds)
        {
            Found(what, value);
            return;
        }
        _healthy &= !required;
        Interaction.Data($"{(required ? "missing " : "advice  ")} {what,-12} {value}");
        Interaction.Data($"         {"",-12} → {mend}");
    }

    private static async Task<string?> OutputAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? output.Trim() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
