using System.Formats.Tar;
using System.Globalization;
using System.Text.Json.Nodes;
using Envd.Core.Diagnostics;
using Envd.Core.Engines;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Runtime.Docker;
using Envd.Runtime.Ssh;

namespace Envd.Runtime.Environments;

/// <summary>What is to run.</summary>
/// <param name="Spec">The environment.</param>
/// <param name="Run">What its start needs.</param>
/// <param name="RunDigest">Of env.run.json.</param>
/// <param name="ProjectFile">Absolute.</param>
public sealed record EnvironmentToRun(EnvironmentSpec Spec, RunSpec Run, string RunDigest, string ProjectFile);

/// <summary>A service of a running environment, as a person reaches it.</summary>
/// <param name="Name">The service.</param>
/// <param name="Address">A URL, or a command for ssh.</param>
public sealed record ServiceAddress(string Name, string Address);

/// <summary>An environment on an engine.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ContainerId">The engine's id.</param>
/// <param name="IsRunning">Rather than stopped.</param>
/// <param name="Status">The engine's own words.</param>
/// <param name="Image">The image's name.</param>
/// <param name="Ports">As <c>127.0.0.1:8888->8888/tcp</c>.</param>
public sealed record EnvironmentInfo(string Name, string ContainerId, bool IsRunning, string Status, string Image, IReadOnlyList<string> Ports);

/// <summary>Starts, finds and removes environments. They are ordinary containers, which `docker ps` shows.</summary>
public sealed class EnvironmentManager(IDockerApi docker, EngineSelection engine)
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(90);
    private const int StartAttempts = 5;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(150);

    /// <summary>The addresses of an environment that runs just as declared; null where it has to be started, or started anew.</summary>
    public async Task<IReadOnlyList<ServiceAddress>?> FindCurrentAsync(EnvironmentToRun environment, ImageRecord image, CancellationToken cancellationToken)
    {
        var container = await docker.GetAsync($"containers/{environment.Run.ContainerName}/json", cancellationToken);
        return container is not null && IsCurrent(container, environment, image.Digest) && container["State"]?["Running"]?.GetValue<bool>() == true
            ? Addresses(environment, BoundPorts(environment.Run, container))
            : null;
    }

    /// <summary>Starts an environment, replacing one of another image or other settings, and waits until its services are ready.</summary>
    /// <exception cref="EnvdException">It could not be started.</exception>
    public async Task<IReadOnlyList<ServiceAddress>> StartAsync(EnvironmentToRun environment, ImageRecord image, Action<string> report, CancellationToken cancellationToken)
    {
        var run = environment.Run;
        CheckMounts(run);
        if (await docker.GetAsync($"containers/{run.ContainerName}/json", cancellationToken) is { } existing)
        {
            var labels = existing["Config"]?["Labels"];
            if (labels?[ContainerLabels.Name] is null)
                throw new EnvdException(ErrorCodes.NameTaken, $"There is a container '{run.ContainerName}' that Envd has not made.", "Remove it, or set EnvdName to another name.");
            if (labels[ContainerLabels.Project]?.GetValue<string>() != ContainerDefinition.ProjectKey(environment.ProjectFile))
                throw new EnvdException(ErrorCodes.NameTaken, $"Another project's environment is named '{run.Name}'.", $"Take it down by `envd down {run.Name}`, or set EnvdName in one of the projects.");
            if (!IsCurrent(existing, environment, image.Digest))
                report(existing["State"]?["Running"]?.GetValue<bool>() == true ? "The project has changed since this environment was started; starting it anew." : "Starting the environment anew.");
            await docker.DeleteAsync($"containers/{run.ContainerName}?force=true", cancellationToken);
        }
        var state = new HostState(run.Name);
        var tokens = ServiceTokens.Resolve(run, Path.GetDirectoryName(environment.ProjectFile)!);
        foreach (var (service, token) in tokens)
            state.Write("token-" + service, token);
        await new DatasetVolumes(docker, report).EnsureAsync(run, image.Reference, Path.GetDirectoryName(environment.ProjectFile)!, cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            var ports = PortAllocator.Allocate(run, state, EngineIsLocal);
            try
            {
                await StartContainerAsync(environment, image, ports, tokens, report, cancellationToken);
                return Addresses(environment, ports);
            }
            catch (DockerApiException e) when (IsPortTaken(e) && attempt < StartAttempts && ports.Any(p => p.Port.HostPort == 0))
            {
                // A port that was free a moment ago: somebody else started at the same time. The next look sees it taken.
            }
            catch (DockerApiException e)
            {
                throw StartFailed(e);
            }
        }
    }

    private async Task StartContainerAsync(EnvironmentToRun environment, ImageRecord image, IReadOnlyList<BoundPort> ports, IReadOnlyDictionary<string, string> tokens, Action<string> report, CancellationToken cancellationToken)
    {
        var id = await CreateAsync(environment, image, ports, cancellationToken);
        try
        {
            await BindAsync(environment, id, tokens, report, cancellationToken);
            await docker.PostAsync($"containers/{id}/start", null, cancellationToken);
            await WaitAsync(environment, id, ports, cancellationToken);
            await ConfigureSshAsync(environment, id, ports, cancellationToken);
        }
        catch
        {
            // Up as declared, or not there at all.
            await docker.DeleteAsync($"containers/{id}?force=true", CancellationToken.None);
            throw;
        }
    }

    /// <summary>Stops and removes an environment; its volumes stay unless they are to go.</summary>
    /// <returns>False where there was none.</returns>
    public async Task<bool> DownAsync(string name, bool volumes, CancellationToken cancellationToken)
    {
        var container = await docker.GetAsync($"containers/envd-{name}/json", cancellationToken);
        var ours = container?["Config"]?["Labels"]?[ContainerLabels.Name] is not null;
        if (ours)
        {
            await docker.PostAsync($"containers/envd-{name}/stop?t=5", null, cancellationToken);
            await docker.DeleteAsync($"containers/envd-{name}?force=true", cancellationToken);
        }
        SshConfiguration.Remove(name);
        var state = new HostState(name);
        foreach (var file in Directory.Exists(Path.GetDirectoryName(state.File("x"))) ? Directory.GetFiles(Path.GetDirectoryName(state.File("x"))!, "token-*") : [])
            File.Delete(file);
        if (volumes)
        {
            await docker.DeleteAsync($"volumes/envd-{name}-home", cancellationToken);
            state.Delete();
        }
        return ours;
    }

    /// <summary>All environments of the engine, by name.</summary>
    public async Task<IReadOnlyList<EnvironmentInfo>> ListAsync(CancellationToken cancellationToken)
    {
        var filters = Uri.EscapeDataString($$"""{"label":["{{ContainerLabels.Name}}"]}""");
        var containers = await docker.GetAsync($"containers/json?all=true&filters={filters}", cancellationToken) as JsonArray ?? [];
        return [.. containers.OfType<JsonObject>().Where(c => c["Labels"]?[ContainerLabels.Project] is not null).Select(c => new EnvironmentInfo(
            c["Labels"]![ContainerLabels.Name]!.GetValue<string>(),
            c["Id"]!.GetValue<string>(),
            c["State"]?.GetValue<string>() == "running",
            c["Status"]?.GetValue<string>() ?? "",
            c["Image"]?.GetValue<string>() ?? "",
            [.. (c["Ports"] as JsonArray ?? []).OfType<JsonObject>().Where(p => p["PublicPort"] is not null)
                .Select(p => $"{p["IP"]}:{p["PublicPort"]}->{p["PrivatePort"]}/{p["Type"]}").Order(StringComparer.Ordinal)]))
            .OrderBy(e => e.Name, StringComparer.Ordinal)];
    }

    private bool EngineIsLocal => engine.Address.StartsWith("unix://", StringComparison.Ordinal) || engine.Address.Contains("//127.0.0.1", StringComparison.Ordinal)
        || engine.Address.Contains("//localhost", StringComparison.Ordinal);

    private void CheckMounts(RunSpec run)
    {
        foreach (var mount in run.Mounts.Where(m => m.Kind == "bind" && EngineIsLocal && !Path.Exists(m.Source)))
            throw new EnvdException(ErrorCodes.MountSourceMissing, $"'{mount.Source}', which is to be mounted at {mount.Target}, is not there.", "Make the folder, or change Source of the Mount.");
    }

    private async Task<int> GpusAsync(RunSpec run, ImageRecord image, CancellationToken cancellationToken)
    {
        if (run.Gpu != "auto")
            return ContainerDefinition.Gpus(run.Gpu, [], false);
        var description = await docker.GetAsync($"images/{image.Reference}/json", cancellationToken);
        var variables = (description?["Config"]?["Env"] as JsonArray ?? []).Select(v => v?.GetValue<string>() ?? "").ToList();
        // The engine is asked only for an image that is made for GPUs.
        if (ContainerDefinition.Gpus("auto", variables, true) == 0)
            return 0;
        var info = await docker.GetAsync("info", cancellationToken);
        return ContainerDefinition.Gpus("auto", variables, (info?["Runtimes"] as JsonObject)?.ContainsKey("nvidia") is true);
    }

    private async Task<string> CreateAsync(EnvironmentToRun environment, ImageRecord image, IReadOnlyList<BoundPort> ports, CancellationToken cancellationToken)
    {
        var body = ContainerDefinition.Create(environment.Run, image.Reference, image.Digest, environment.RunDigest, ContainerDefinition.ProjectKey(environment.ProjectFile), ports,
            await GpusAsync(environment.Run, image, cancellationToken));
        var created = await docker.PostAsync($"containers/create?name={environment.Run.ContainerName}", body, cancellationToken);
        return created!["Id"]!.GetValue<string>();
    }

    private async Task BindAsync(EnvironmentToRun environment, string id, IReadOnlyDictionary<string, string> tokens, Action<string> report, CancellationToken cancellationToken)
    {
        var info = await docker.GetAsync("info", cancellationToken);
        var (uid, gid, note) = Caller.On((info?["SecurityOptions"] as JsonArray ?? []).Select(o => o?.GetValue<string>() ?? ""));
        if (note.Length > 0)
            report(note);
        var key = environment.Spec.Services.Any(s => s.Kind == "ssh") ? SshConfiguration.PublicKey() : "";
        await using var files = ContainerDefinition.StartFiles(uid, gid, key, await GitIdentity.ReadAsync(environment.Spec, cancellationToken), tokens,
            ServiceTokens.Secrets(environment.Run, Path.GetDirectoryName(environment.ProjectFile)!));
        await docker.PutArchiveAsync(id, "/", files, cancellationToken);
    }

    private async Task WaitAsync(EnvironmentToRun environment, string id, IReadOnlyList<BoundPort> ports, CancellationToken cancellationToken)
    {
        var waiting = environment.Spec.Services.Where(s => s.HealthCheck.Length > 0 && ports.Any(p => p.Port.Service == s.Name)).ToList();
        var commands = environment.Spec.Services.Where(s => s is { HealthCommand.Count: > 0, OneShot: false }).ToList();
        if (!EngineIsLocal)
            waiting.Clear(); // its ports are another machine's
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(ReadyWithin);
        while (true)
        {
            var container = await docker.GetAsync($"containers/{id}/json", cancellationToken);
            if (container?["State"]?["Running"]?.GetValue<bool>() != true)
                throw new EnvdException(ErrorCodes.NotReady, $"The environment ended while it started, with code {container?["State"]?["ExitCode"]}.",
                    "What it wrote:" + await LogsAsync(id, cancellationToken));
            foreach (var service in commands.ToList())
                if (await new ExecSession(docker).RunAsync(new ExecRequest(id, service.HealthCommand, "0", "/", false), Stream.Null, Stream.Null, Stream.Null, null, cancellationToken) == 0)
                    commands.Remove(service);
            foreach (var service in waiting.ToList())
                if (await Readiness.IsReadyAsync(service, ports.First(p => p.Port.Service == service.Name), cancellationToken))
                    waiting.Remove(service);
            if (waiting.Count + commands.Count == 0)
                return;
            if (deadline.IsCancellationRequested)
                throw new EnvdException(ErrorCodes.NotReady, $"The service '{waiting.Concat(commands).First().Name}' was not ready within {ReadyWithin.TotalSeconds:0} s.",
                    "What it wrote:" + await ServiceLogAsync(id, waiting.Concat(commands).First().Name, cancellationToken));
            await Task.Delay(PollInterval, cancellationToken);
        }
    }

    private async Task ConfigureSshAsync(EnvironmentToRun environment, string id, IReadOnlyList<BoundPort> ports, CancellationToken cancellationToken)
    {
        if (environment.Spec.Services.FirstOrDefault(s => s.Kind == "ssh") is not { } ssh || ports.FirstOrDefault(p => p.Port.Service == ssh.Name) is not { } bound)
            return;
        var hostKey = await ReadFileAsync(id, "/var/lib/envd/ssh/host_key.pub", cancellationToken);
        SshConfiguration.Add(environment.Run.Name, environment.Spec.User, bound, string.Join(' ', hostKey.Split(' ').Take(2)).Trim());
    }

    private async Task<string> ServiceLogAsync(string id, string service, CancellationToken cancellationToken) =>
        "\n  " + string.Join("\n  ", (await ReadFileAsync(id, $"/var/log/envd/{service}/current", cancellationToken)).TrimEnd().Split('\n').TakeLast(12));

    private async Task<string> ReadFileAsync(string id, string path, CancellationToken cancellationToken)
    {
        await using var archive = await docker.GetArchiveAsync(id, path, cancellationToken);
        if (archive is null)
            return "";
        await using var tar = new TarReader(archive);
        if (await tar.GetNextEntryAsync(cancellationToken: cancellationToken) is not { DataStream: { } data })
            return "";
        using var reader = new StreamReader(data);
        return await reader.ReadToEndAsync(cancellationToken);
    }

    private async Task<string> LogsAsync(string id, CancellationToken cancellationToken)
    {
        await using var stream = await docker.GetArchiveAsync(id, "/var/log/envd", cancellationToken);
        if (stream is null)
            return " nothing.";
        var text = new List<string>();
        await using var tar = new TarReader(stream);
        while (await tar.GetNextEntryAsync(cancellationToken: cancellationToken) is { } entry)
        {
            if (entry is not { DataStream: { } data } || !entry.Name.EndsWith("/current", StringComparison.Ordinal))
                continue;
            using var reader = new StreamReader(data);
            text.AddRange((await reader.ReadToEndAsync(cancellationToken)).TrimEnd().Split('\n').TakeLast(6));
        }
        return "\n  " + string.Join("\n  ", text);
    }

    private static bool IsCurrent(JsonNode container, EnvironmentToRun environment, string imageDigest)
    {
        var labels = container["Config"]?["Labels"];
        return labels?[ContainerLabels.Image]?.GetValue<string>() == imageDigest
            && labels[ContainerLabels.Run]?.GetValue<string>() == environment.RunDigest
            && labels[ContainerLabels.Project]?.GetValue<string>() == ContainerDefinition.ProjectKey(environment.ProjectFile);
    }

    private static List<BoundPort> BoundPorts(RunSpec run, JsonNode container)
    {
        var result = new List<BoundPort>();
        foreach (var port in run.Ports)
            if (container["NetworkSettings"]?["Ports"]?[string.Create(CultureInfo.InvariantCulture, $"{port.Port}/{port.Protocol}")] is JsonArray { Count: > 0 } bindings
                && int.TryParse(bindings[0]?["HostPort"]?.GetValue<string>(), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                result.Add(new BoundPort(port, number));
        return result;
    }

    private static List<ServiceAddress> Addresses(EnvironmentToRun environment, IReadOnlyList<BoundPort> ports)
    {
        var result = new List<ServiceAddress>();
        var state = new HostState(environment.Run.Name);
        foreach (var service in environment.Spec.Services)
        {
            if (ports.FirstOrDefault(p => p.Port.Service == service.Name) is not { } bound)
                continue;
            var token = state.Read("token-" + service.Name);
            result.Add(new ServiceAddress(service.Name, service.Kind switch
            {
                "ssh" => $"ssh {environment.Run.Name}.envd",
                "jupyterlab" => $"http://{bound.Authority}/lab{(token is { Length: > 0 } ? "?token=" + token : "")}",
                "jupyter" => $"http://{bound.Authority}/tree{(token is { Length: > 0 } ? "?token=" + token : "")}",
                "vscode" => $"http://{bound.Authority}/{(token is { Length: > 0 } ? "?tkn=" + token : "")}",
                "rstudio" or "tensorboard" => $"http://{bound.Authority}/",
                _ => bound.Authority,
            }));
        }
        foreach (var bound in ports.Where(p => p.Port.Service.Length == 0))
            result.Add(new ServiceAddress($"{bound.Port.Port}/{bound.Port.Protocol}", bound.Authority));
        return result;
    }

    private static bool IsPortTaken(DockerApiException e) =>
        e.Message.Contains("port is already allocated", StringComparison.Ordinal) || e.Message.Contains("address already in use", StringComparison.Ordinal);

    private static EnvdException StartFailed(DockerApiException e) =>
        IsPortTaken(e)
            ? new EnvdException(ErrorCodes.HostPortTaken, $"A port of the engine's machine is taken: {e.Message}", "End what listens there, or leave HostPort out for a free one.", inner: e)
            : e.Message.Contains("could not select device driver", StringComparison.Ordinal)
            ? new EnvdException(ErrorCodes.StartFailed, "EnvdGpu wants GPUs, and the engine has no driver for them.", "Install NVIDIA's container toolkit on the engine's machine, or set EnvdGpu to auto or none.", inner: e)
            : new EnvdException(ErrorCodes.StartFailed, $"The engine could not start the environment: {e.Message}", "", inner: e);
}
