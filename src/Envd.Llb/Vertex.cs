using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.Llb;

/// <summary>A node of the graph: its inputs, and how it becomes an op once the inputs' digests are known.</summary>
internal abstract class Vertex(IReadOnlyList<State> inputs, VertexOptions? options)
{
    /// <summary>The distinct non-empty inputs, in the order in which the op names them.</summary>
    public IReadOnlyList<State> Inputs { get; } = inputs;

    public VertexOptions Options { get; } = options ?? new VertexOptions();

    public abstract void Fill(Op op, ISet<string> caps);

    protected int IndexOf(State state)
    {
        for (var i = 0; i < Inputs.Count; i++)
            if (Inputs[i].Vertex == state.Vertex && Inputs[i].Output == state.Output)
                return i;
        return -1;
    }

    protected static IReadOnlyList<State> Distinct(IEnumerable<State> states)
    {
        var seen = new HashSet<(Vertex, int)>();
        var result = new List<State>();
        foreach (var state in states)
            if (state.Vertex is { } vertex && seen.Add((vertex, state.Output)))
                result.Add(state);
        return result;
    }
}

internal sealed class SourceVertex(string identifier, IEnumerable<KeyValuePair<string, string>> attributes,
    IReadOnlyList<string> caps, Platform? platform, VertexOptions? options) : Vertex([], options)
{
    public override void Fill(Op op, ISet<string> declared)
    {
        op.Source = new SourceOp { Identifier = identifier };
        // A map field is written in insertion order, so the order here is part of the digest.
        foreach (var (key, value) in attributes.OrderBy(a => a.Key, StringComparer.Ordinal))
            op.Source.Attrs[key] = value;
        if (platform is not null)
            op.Platform = platform.ToProtocol();
        declared.UnionWith(caps);
    }
}

internal sealed class MergeVertex(IReadOnlyList<State> layers, VertexOptions? options) : Vertex(Distinct(layers), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.Merge = new MergeOp();
        foreach (var layer in layers)
            op.Merge.Inputs.Add(new MergeInput { Input = IndexOf(layer) });
        caps.Add("mergeop");
    }
}

internal sealed class DiffVertex(State lower, State upper, VertexOptions? options) : Vertex(Distinct([lower, upper]), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.Diff = new DiffOp
        {
            Lower = new LowerDiffInput { Input = IndexOf(lower) },
            Upper = new UpperDiffInput { Input = IndexOf(upper) },
        };
        caps.Add("diffop");
    }
}

internal sealed class FileVertex(State root, IReadOnlyList<FileAction> actions, VertexOptions? options)
    : Vertex(Distinct(actions.OfType<CopyAction>().Select(a => a.From).Prepend(root)), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        op.File = new FileOp();
        for (var i = 0; i < actions.Count; i++)
        {
            op.File.Actions.Add(ToProtocol(actions[i], caps) is var action && i == 0
                ? Chain(action, IndexOf(root), i)
                : Chain(action, Inputs.Count + i - 1, i));
        }
        caps.Add("file.base");
    }

    private Protocol.FileAction Chain(Protocol.FileAction action, long input, int position)
    {
        action.Input = input;
        action.Output = position == actions.Count - 1 ? 0 : -1;
        return action;
    }

    private Protocol.FileAction ToProtocol(FileAction action, ISet<string> caps)
    {
        switch (action)
        {
            case CopyAction copy:
                var message = new FileActionCopy
                {
                    Src = copy.Source,
                    Dest = copy.Destination,
                    Mode = copy.Mode,
                    Timestamp = copy.Timestamp,
                    DirCopyContents = copy.ContentsOnly,
                    AllowWildcard = copy.AllowWildcard,
                    CreateDestPath = true,
                    Owner = ToProtocol(copy.Owner),
                };
                message.IncludePatterns.AddRange(copy.IncludePatterns);
                if (copy.IncludePatterns.Count > 0)
                    caps.Add("file.copy.includeexcludepatterns");
                return new Protocol.FileAction { SecondaryInput = IndexOf(copy.From), Copy = message };
            case MakeFileAction file:
                return new Protocol.FileAction
                {
                    SecondaryInput = -1,
                    Mkfile = new FileActionMkFile
                    {
                        Path = file.Path,
                        Mode = file.Mode,
                        Data = ByteString.CopyFrom(file.Data.Span),
                        Timestamp = file.Timestamp,
                        Owner = ToProtocol(file.Owner),
                    },
                };
            case MakeDirectoryAction directory:
                return new Protocol.FileAction
                {
                    SecondaryInput = -1,
                    Mkdir = new FileActionMkDir
                    {
                        Path = directory.Path,
                        Mode = directory.Mode,
                        MakeParents = true,
                        Timestamp = directory.Timestamp,
                        Owner = ToProtocol(directory.Owner),
                    },
                };
            case RemoveAction remove:
                caps.Add("file.rm.wildcard");
                return new Protocol.FileAction
                {
                    SecondaryInput = -1,
                    Rm = new FileActionRm { Path = remove.Path, AllowNotFound = true, AllowWildcard = true },
                };
            default:
                throw new ArgumentException($"Unknown file action {action.GetType().Name}.", nameof(action));
        }
    }

    private static ChownOpt? ToProtocol(FileOwner? owner) => owner is null ? null : new ChownOpt
    {
        User = new UserOpt { ById = owner.User },
        Group = new UserOpt { ById = owner.Group },
    };
}

internal sealed class ExecVertex(State root, ExecOptions exec, VertexOptions? options)
    : Vertex(Distinct(exec.Mounts.OfType<BindMount>().Select(m => m.Source).Prepend(root)), options)
{
    public override void Fill(Op op, ISet<string> caps)
    {
        var meta = new Meta { Cwd = exec.WorkingDirectory, User = exec.User };
        meta.Args.AddRange(exec.Arguments);
        meta.Env.AddRange(exec.Environment.Select(e => $"{e.Key}={e.Value}"));
        op.Exec = new ExecOp { Meta = meta, Network = ToProtocol(exec.Network) };
        op.Exec.Mounts.Add(new Mount { Dest = "/", Input = IndexOf(root), Output = 0 });
        foreach (var mount in exec.Mounts)
            op.Exec.Mounts.Add(ToProtocol(mount, caps));
        caps.Add("exec.meta.base");
        caps.Add("exec.mount.bind");
        if (exec.Network != NetworkMode.Default)
            caps.Add("exec.meta.network");
    }

    private Mount ToProtocol(ExecMount mount, ISet<string> caps)
    {
        var message = new Mount { Dest = mount.Target, Input = -1, Output = -1 };
        switch (mount)
        {
            case BindMount bind:
                message.Input = IndexOf(bind.Source);
                message.Readonly = true;
                message.Selector = bind.Selector;
                if (bind.Selector.Length > 0)
                    caps.Add("exec.mount.selector");
                break;
            case CacheMount cache:
                message.MountType = MountType.Cache;
                message.CacheOpt = new CacheOpt { Id = cache.Id, Sharing = (Protocol.CacheSharing)cache.Sharing };
                caps.Add("exec.mount.cache");
                caps.Add("exec.mount.cache.sharing");
                break;
            case TmpfsMount tmpfs:
                message.MountType = MountType.Tmpfs;
                message.TmpfsOpt = new TmpfsOpt { Size = tmpfs.Size };
                caps.Add("exec.mount.tmpfs");
                if (tmpfs.Size > 0)
                    caps.Add("exec.mount.tmpfs.size");
                break;
            case SecretMount secret:
                message.MountType = MountType.Secret;
                message.SecretOpt = new SecretOpt { Id = secret.Id, Mode = (uint)secret.Mode };
                caps.Add("exec.mount.secret");
                break;
            case SshMount ssh:
                message.MountType = MountType.Ssh;
                message.SshOpt = new SshOpt { Id = ssh.Id, Mode = 0x180 };
                caps.Add("exec.mount.ssh");
                break;
            default:
                throw new ArgumentException($"Unknown mount {mount.GetType().Name}.", nameof(mount));
        }
        return message;
    }

    private static NetMode ToProtocol(NetworkMode mode) => mode switch
    {
        NetworkMode.Host => NetMode.Host,
        NetworkMode.None => NetMode.None,
        _ => NetMode.Unset,
    };
}
