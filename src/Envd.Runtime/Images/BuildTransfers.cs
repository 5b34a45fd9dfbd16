using Envd.BuildKit.Client;
using Envd.BuildKit.Content;
using Envd.BuildKit.Session;
using Envd.Core.Bundles;
using Envd.Core.Diagnostics;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Llb;

namespace Envd.Runtime.Images;

/// <summary>What a build takes from this machine and leaves on it: folders, secrets, agents, caches and files.</summary>
internal sealed class BuildTransfers(BuildRequest request, EnvironmentSpec spec, RunSpec run)
{
    /// <summary>What the engine's owner must have allowed.</summary>
    public IReadOnlyList<string> Entitlements =>
        spec.BuildNetwork == "host" || spec.AllSteps.Any(s => s.Network == "host") ? ["network.host"] : [];

    /// <summary>The proxies of its steps; null for none.</summary>
    public ProxyEnvironment? Proxy => run.Proxy is { } proxy ? new ProxyEnvironment(proxy.Http, proxy.Https, None: proxy.None) : null;

    /// <summary>The session, or null where nothing needs one: it costs some 25 ms.</summary>
    /// <exception cref="EnvdException">A secret or the ssh agent is not there.</exception>
    public SessionOptions? Session(IReadOnlyList<IExportTarget?> exports)
    {
        var folders = new Dictionary<string, LocalFolder>(StringComparer.Ordinal);
        if (spec.ContextPatterns.Count > 0)
            folders["context"] = new LocalFolder(request.ContextDirectory, InputListing.IgnorePatterns(request.ContextDirectory));
        foreach (var (name, folder) in run.IndexContexts)
            folders[name] = new LocalFolder(folder, []);
        foreach (var (name, folder, isContext) in run.ReferencedFolders())
            folders[name] = new LocalFolder(folder, isContext ? InputListing.IgnorePatterns(folder) : []);
        var credentials = DockerCredentials.Load();
        var secrets = run.Secrets.ToDictionary(s => s.Id, Read, StringComparer.Ordinal);
        var agents = Agents();
        return folders.Count == 0 && credentials.IsEmpty && secrets.Count == 0 && agents.Count == 0 && !exports.Any(e => e is not null) && run.Bundle.Length == 0 ? null : new SessionOptions
        {
            Folders = folders,
            ContentStores = run.Bundle.Length == 0 ? new Dictionary<string, OciLayout>() : new Dictionary<string, OciLayout> { ["oci:" + BundledGraph.Store] = new OciLayout(run.Bundle) },
            Credentials = credentials,
            Secrets = secrets.GetValueOrDefault,
            SshAgents = agents,
            Exports = exports,
        };
    }

    /// <summary>Exporters of EnvdOutput items, and where each writes to.</summary>
    public IReadOnlyList<(ExporterOptions Exporter, IExportTarget Target)> Outputs()
    {
        var result = new List<(ExporterOptions, IExportTarget)>();
        foreach (var output in run.Outputs)
        {
            var attributes = new Dictionary<string, string>();
            if (output.Type is "oci" or "docker")
            {
                attributes["name"] = spec.Image;
                attributes["source-date-epoch"] = GraphLowering.Epoch.ToString(System.Globalization.CultureInfo.InvariantCulture);
                attributes["compression"] = run.Compression;
            }
            result.Add((new ExporterOptions(output.Type, attributes), output.Type == "local" ? new FolderExportTarget(output.Path) : new FileExportTarget(output.Path)));
        }
        return result;
    }

    /// <summary>Are all outputs there, and not older than what they are made from?</summary>
    public static bool OutputsAreCurrent(RunSpec run, StateFolder state)
    {
        var since = File.GetLastWriteTimeUtc(state.Spec);
        return run.Outputs.All(o => Path.Exists(o.Path) && File.GetLastWriteTimeUtc(o.Path) >= since);
    }

    public IReadOnlyList<CacheOptions> CacheFrom() => [.. run.CacheFrom.Select(c => Cache(c, "src"))];

    public IReadOnlyList<CacheOptions> CacheTo() => [.. run.CacheTo.Select(c => Cache(c, "dest"))];

    private CacheOptions Cache(string text, string folder)
    {
        var attributes = text.Split(',').Select(p => p.Split('=', 2)).ToDictionary(p => p[0].Trim(), p => p[1].Trim(), StringComparer.Ordinal);
        attributes.Remove("type", out var type);
        return type == "local" && attributes.GetValueOrDefault(folder) is { Length: > 0 } path
            ? CacheOptions.Local(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(request.ProjectFile)!, path)), attributes.GetValueOrDefault("mode") != "min", attributes.GetValueOrDefault("tag") ?? "latest")
            : new CacheOptions(type!, attributes);
    }

    private static byte[] Read(SecretSource secret)
    {
        try
        {
            if (secret.Source.StartsWith("file:", StringComparison.Ordinal))
                return File.ReadAllBytes(secret.Source[5..]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvdException(ErrorCodes.SecretUnavailable, $"The secret '{secret.Id}' cannot be read: {e.Message}", "Its Source names the file.");
        }
        return Environment.GetEnvironmentVariable(secret.Source[4..]) is { } value ? System.Text.Encoding.UTF8.GetBytes(value)
            : throw new EnvdException(ErrorCodes.SecretUnavailable, $"The secret '{secret.Id}' is to come from the variable {secret.Source[4..]}, which is not set.", "Set it before building.");
    }

    private Dictionary<string, SshAgent> Agents()
    {
        var wanted = spec.AllSteps.Select(s => s.SshAgent).Where(a => a.Length > 0).Distinct().ToList();
        if (wanted.Count == 0)
            return [];
        var socket = Environment.GetEnvironmentVariable("SSH_AUTH_SOCK") is { Length: > 0 } path ? path
            : throw new EnvdException(ErrorCodes.SecretUnavailable, "A step wants the ssh agent, and SSH_AUTH_SOCK is not set.", "Start one by `eval $(ssh-agent)` and add a key by ssh-add.");
        return wanted.ToDictionary(a => a, _ => SshAgent.AtSocket(socket), StringComparer.Ordinal);
    }
}
