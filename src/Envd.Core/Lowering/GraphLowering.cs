using System.Text;
using Envd.Core.Graph;
using Envd.Llb;

namespace Envd.Core.Lowering;

/// <summary>Lowers a graph to LLB, one vertex a node.</summary>
public static class GraphLowering
{
    /// <summary>1980-01-01, the earliest time that zip archives, and so wheels, can hold.</summary>
    public const long Epoch = 315532800;

    private const string AgentSocket = "/run/envd-ssh-agent";

    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Lowers the graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="baseEnvironment">Variables of the base image, as <c>NAME=value</c>; steps see them.</param>
    /// <param name="contextKeys">For each folder of this machine, by name, a stable text by which the engine finds its last transfer.</param>
    /// <param name="proxy">Proxies of every command; no part of any cache key.</param>
    /// <param name="fresh">Nodes that run whatever the engine remembers of them.</param>
    public static MarshalledGraph Lower(EnvironmentGraph graph, IReadOnlyList<string>? baseEnvironment = null,
        IReadOnlyDictionary<string, string>? contextKeys = null, ProxyEnvironment? proxy = null, IReadOnlySet<string>? fresh = null)
    {
        var states = new Dictionary<string, State>(StringComparer.Ordinal) { [""] = State.Scratch };
        var platform = Platform.Parse(graph.Platform);
        foreach (var node in graph.Nodes)
        {
            var options = new VertexOptions { Name = node.Title, Origin = node.Origin, IgnoreCache = fresh?.Contains(node.Id) is true };
            states[node.Id] = node.Operation switch
            {
                ImageOperation image => State.Image(image.Reference, image.Platform.Length > 0 ? Platform.Parse(image.Platform) : platform, options),
                LayoutOperation layout => State.OciLayout(layout.Reference, new OciLayoutOptions { Store = layout.Store }, platform, options),
                DownloadOperation download => State.Http(download.Url, download.Checksum, download.FileName, 0x1A4, options),
                GitOperation git => State.Git(git.Remote, new GitOptions
                {
                    Reference = git.Reference,
                    TokenSecret = git.TokenSecret.Length > 0 ? git.TokenSecret : null,
                    SshAgent = git.SshAgent.Length > 0 ? git.SshAgent : null,
                }, options),
                ContextOperation context => State.Local(context.Name, new LocalOptions
                {
                    IncludePatterns = context.Patterns,
                    SharedKeyHint = contextKeys?.GetValueOrDefault(context.Name) ?? context.Name,
                }, options),
                RunOperation run => states[run.On].Run(Exec(run, states, baseEnvironment ?? []) with { Proxy = proxy }, options),
                FilesOperation files => states[files.On].File([.. files.Actions.Select(a => Action(a, states))], options),
                MergeOperation merge => State.Merge(merge.Inputs.Select(i => states[i]), options),
                DiffOperation diff => State.Diff(states[diff.Lower], states[diff.Upper], options),
                _ => throw new ArgumentException($"Unknown operation in node '{node.Id}'.", nameof(graph)),
            };
        }
        return Marshaller.Marshal(states[graph.Result]);
    }

    private static ExecOptions Exec(RunOperation run, Dictionary<string, State> states, IReadOnlyList<string> baseEnvironment)
    {
        var environment = new List<KeyValuePair<string, string>>();
        foreach (var text in baseEnvironment.Concat(run.Environment))
        {
            var cut = text.IndexOf('=', StringComparison.Ordinal);
            if (cut <= 0)
                continue;
            environment.RemoveAll(e => e.Key == text[..cut]);
            environment.Add(new(text[..cut], text[(cut + 1)..]));
        }
        if (run.SshAgent.Length > 0)
            environment.Add(new("SSH_AUTH_SOCK", AgentSocket));
        if (!environment.Exists(e => e.Key == "PATH"))
            environment.Insert(0, new("PATH", DefaultPath));
        if (run.PathPrefix.Count > 0)
        {
            var index = environment.FindIndex(e => e.Key == "PATH");
            environment[index] = new("PATH", string.Join(':', run.PathPrefix.Append(environment[index].Value)));
        }
        return new ExecOptions
        {
            Arguments = run.Arguments,
            Environment = environment,
            WorkingDirectory = run.WorkingDirectory,
            User = run.User,
            Network = run.Network switch { "host" => NetworkMode.Host, "none" => NetworkMode.None, _ => NetworkMode.Default },
            Mounts =
            [
                .. run.Binds.Select(b => new BindMount(b.Target, states[b.From], b.Path)),
                .. run.Caches.Select(c => new CacheMount(c.Target, c.Id, c.Sharing switch { "locked" => CacheSharing.Locked, "private" => CacheSharing.Private, _ => CacheSharing.Shared })),
                .. run.Memory.Select(m => new TmpfsMount(m)),
                // For whoever the command runs as: it exists while the command does, and only there.
                .. run.Secrets.Select(id => new SecretMount("/run/secrets/" + id, id, 0x124)),
                .. run.SshAgent.Length > 0 ? [new SshMount(AgentSocket, run.SshAgent) { Mode = 0x1B6 }] : Array.Empty<ExecMount>(),
            ],
            Platform = run.Platform.Length > 0 ? Platform.Parse(run.Platform) : null,
        };
    }

    private static FileAction Action(GraphFileAction action, Dictionary<string, State> states)
    {
        const long time = Epoch * 1_000_000_000;
        var mode = action.Mode.Length > 0 ? Convert.ToInt32(action.Mode, 8) : -1;
        var owner = Owner(action.Owner);
        if (action.Delete)
            return new RemoveAction(action.Path);
        if (action.From.Length > 0)
        {
            return new CopyAction(states[action.From], action.Source, action.Path)
            {
                ContentsOnly = action.ContentsOnly,
                AllowWildcard = action.Wildcard,
                Unpack = action.Unpack,
                IncludePatterns = action.Include,
                Mode = mode,
                Owner = owner,
                Timestamp = time,
            };
        }
        return action.Text is null
            ? new MakeDirectoryAction(action.Path, mode) { Owner = owner, Timestamp = time }
            : new MakeFileAction(action.Path, Encoding.UTF8.GetBytes(action.Text), mode) { Owner = owner, Timestamp = time };
    }

    private static FileOwner? Owner(string owner)
    {
        if (owner.Length == 0)
            return null;
        var parts = owner.Split(':');
        var group = parts.Length == 2 ? parts[1] : parts[0];
        return new FileOwner(Number(parts[0]), Number(group)) { UserName = Name(parts[0]), GroupName = Name(group) };

        static uint Number(string text) => uint.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id) ? id : 0;
        static string Name(string text) => char.IsAsciiDigit(text[0]) ? "" : text;
    }
}
