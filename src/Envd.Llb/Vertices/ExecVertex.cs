using Envd.Llb.Protocol;

namespace Envd.Llb.Vertices;

internal sealed class ExecVertex : Vertex
{
    private const int None = -1;

    private readonly State _root;
    private readonly ExecOptions _exec;

    public ExecVertex(State root, ExecOptions exec, VertexOptions? options)
        : base(Distinct(exec.Mounts.Select(SourceOf).OfType<State>().Prepend(root)), options)
    {
        _root = root;
        _exec = exec;
        var next = exec.ReadOnlyRoot ? 0 : 1;
        foreach (var mount in exec.Mounts)
            if (mount is BindMount { Writable: true })
                Outputs.Add(mount.Target, next++);
    }

    /// <summary>The outputs of writable mounts, by target; the root's is 0 unless it is read only.</summary>
    public Dictionary<string, int> Outputs { get; } = new(StringComparer.Ordinal);

    public override void Fill(Op op, ISet<string> caps)
    {
        op.Exec = new ExecOp { Meta = ToMeta(caps), Network = (NetMode)_exec.Network, Security = (Protocol.SecurityMode)_exec.Security };
        op.Exec.Mounts.Add(new Mount { Dest = "/", Input = IndexOf(_root), Output = _exec.ReadOnlyRoot ? None : 0, Readonly = _exec.ReadOnlyRoot });
        foreach (var mount in _exec.Mounts)
            op.Exec.Mounts.Add(ToProtocol(mount, caps));
        foreach (var secret in _exec.SecretEnvironment)
            op.Exec.SecretEnv.Add(new SecretEnv { Id = secret.Id, Name = secret.Variable, Optional = secret.Optional });
        if (_exec.Platform is not null)
            op.Platform = _exec.Platform.ToProtocol();
        caps.Add("exec.meta.base");
        caps.Add("exec.mount.bind");
        if (_exec.Network != NetworkMode.Default)
            caps.Add("exec.meta.network");
        if (_exec.Security != SecurityMode.Sandbox)
            caps.Add("exec.meta.security");
        if (_exec.SecretEnvironment.Count > 0)
            caps.Add("exec.secretenv");
    }

    private static State? SourceOf(ExecMount mount) => mount switch
    {
        BindMount bind => bind.Source,
        CacheMount { Source: { } source } => source,
        _ => null,
    };

    private Meta ToMeta(ISet<string> caps)
    {
        var meta = new Meta { Cwd = _exec.WorkingDirectory, User = _exec.User, Hostname = _exec.HostName, CgroupParent = _exec.CgroupParent };
        meta.Args.AddRange(_exec.Arguments);
        meta.Env.AddRange(_exec.Environment.Select(e => $"{e.Key}={e.Value}"));
        meta.ExtraHosts.AddRange(_exec.ExtraHosts.Select(h => new HostIp { Host = h.Host, Ip = h.Address }));
        meta.Ulimit.AddRange(_exec.Ulimits.Select(u => new Protocol.Ulimit { Name = u.Name, Soft = u.Soft, Hard = u.Hard }));
        meta.ValidExitCodes.AddRange(_exec.ValidExitCodes);
        if (_exec.Proxy is { } proxy)
        {
            meta.ProxyEnv = new ProxyEnv { HttpProxy = proxy.Http, HttpsProxy = proxy.Https, FtpProxy = proxy.Ftp, NoProxy = proxy.None, AllProxy = proxy.All };
            caps.Add("exec.meta.proxyenv");
        }
        if (_exec.Ulimits.Count > 0)
            caps.Add("exec.meta.ulimit");
        if (_exec.CgroupParent.Length > 0)
            caps.Add("exec.meta.cgroup.parent");
        if (_exec.ValidExitCodes.Count > 0)
            caps.Add("exec.validexitcode");
        return meta;
    }

    private Mount ToProtocol(ExecMount mount, ISet<string> caps)
    {
        var message = new Mount { Dest = mount.Target, Input = None, Output = None };
        switch (mount)
        {
            case BindMount bind:
                message.Input = IndexOf(bind.Source);
                message.Readonly = !bind.Writable;
                message.Selector = bind.Selector;
                if (bind.Writable)
                    message.Output = Outputs[bind.Target];
                if (bind.Selector.Length > 0)
                    caps.Add("exec.mount.selector");
                break;
            case CacheMount cache:
                message.MountType = MountType.Cache;
                message.CacheOpt = new CacheOpt { Id = cache.Id, Sharing = (Protocol.CacheSharing)cache.Sharing };
                if (cache.Source is { } source)
                {
                    message.Input = IndexOf(source);
                    message.Selector = cache.Selector;
                    if (cache.Selector.Length > 0)
                        caps.Add("exec.mount.selector");
                }
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
                message.SecretOpt = new SecretOpt { Id = secret.Id, Uid = secret.User, Gid = secret.Group, Mode = (uint)secret.Mode, Optional = secret.Optional };
                caps.Add("exec.mount.secret");
                break;
            case SshMount ssh:
                message.MountType = MountType.Ssh;
                message.SshOpt = new SshOpt { Id = ssh.Id, Uid = ssh.User, Gid = ssh.Group, Mode = (uint)ssh.Mode, Optional = ssh.Optional };
                caps.Add("exec.mount.ssh");
                break;
            default:
                throw new ArgumentException($"Unknown mount {mount.GetType().Name}.", nameof(mount));
        }
        return message;
    }
}
