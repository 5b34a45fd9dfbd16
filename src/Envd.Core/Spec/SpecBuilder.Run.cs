using System.Globalization;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private RunSpec BuildRun(EnvironmentSpec environment)
    {
        var ports = new List<PublishedPort>();
        var tokens = new List<ServiceToken>();
        foreach (var service in environment.Services.Where(s => s.Port > 0))
        {
            var item = Items("Service").FirstOrDefault(i => i.Include == service.Name);
            if (Published(item, service.Name, service.Port, "tcp") is { } port)
                ports.Add(port);
            if (TokenKinds.Contains(service.Kind))
                tokens.Add(new ServiceToken(service.Name, item?["Token"] is { Length: > 0 } token ? token : "random"));
        }
        foreach (var item in Items("ContainerPort"))
            if (TryPort(item.Include, out var number) && Published(item, "", number, item["Type"] is { Length: > 0 } type ? type.ToLowerInvariant() : "tcp") is { } port)
                ports.Add(port);
        foreach (var clash in ports.Where(p => p.HostPort > 0).GroupBy(p => (p.HostPort, p.Protocol)).Where(g => g.Count() > 1))
            Report(ErrorCodes.PortConflict, $"Two ports are to be published as {clash.Key.HostPort} on the host.", "Give one of them another HostPort, or leave it out.");
        var datasets = Datasets();
        return new RunSpec
        {
            Name = environment.Name,
            ContainerName = "envd-" + environment.Name,
            Variant = _model.Property("EnvdVariant"),
            Bundle = Bundle(),
            BillOfMaterials = Flag("EnvdSbom", false),
            Provenance = Choice("EnvdProvenance", "", "", "min", "max"),
            Ports = ports,
            Tokens = tokens,
            Mounts = [.. Mounts(environment), .. datasets.Select(d => new MountSpec(d.TargetPath, "volume", d.Volume, d.ReadOnly, 0))],
            Datasets = datasets,
            Secrets = [.. environment.Secrets.Select(s => new SecretSource(s.Id, Absolute(Items("Secret").First(i => i.Include == s.Id)["Source"])))
                .Concat(_references.SelectMany(r => r.Folders.Run.Secrets)).DistinctBy(s => s.Id)],
            StartSecrets = [.. Items("Secret").Where(i => IsStartSecret(i) && IsSecretSource(i["Source"])).Select(i => new SecretSource(i.Include, Absolute(i["Source"])))],
            Proxy = Proxy(),
            References = [.. _references.Select(r => r.Folders)],
            CacheFrom = [.. Items("CacheFrom").Select(CacheText)],
            CacheTo = [.. Items("CacheTo").Select(CacheText)],
            Outputs = [.. Items("EnvdOutput").Select(Output).OfType<OutputSpec>()],
            Compression = Choice("EnvdCompression", "gzip", "gzip", "zstd", "uncompressed"),
            Gpu = Gpu(),
            Options = ContainerOptions(),
            ShmSize = Size("EnvdShmSize", "2g"),
            IndexFolders = [.. Items("PythonIndex").Where(i => !i.Address("Url").Contains("://", StringComparison.Ordinal) && i.Address("Url").Length > 0)
                .Select(i => new NamedValue(i.Include, IndexFolder(i.Address("Url"))))],
        };
    }

    /// <summary>The folder of EnvdFromBundle.</summary>
    private string Bundle()
    {
        var path = _model.Property("EnvdFromBundle");
        if (path.Length == 0)
            return "";
        path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, path));
        if (!File.Exists(Path.Combine(path, "index.json")))
            Report(ErrorCodes.MissingFile, $"EnvdFromBundle is '{Printable(path)}', which is no bundle.", "Write the folder that `envd bundle` has made.");
        return path;
    }

    private ProxySpec? Proxy()
    {
        foreach (var name in new[] { "EnvdHttpProxy", "EnvdHttpsProxy" })
            if (_model.Property(name) is { Length: > 0 } url && (!IsAddress(url) || UserInfo(url)))
                Report(ErrorCodes.InvalidValue, $"{name} is '{Printable(url)}'.", "Write http://HOST:PORT without a login in it.");
        if (_model.Property("EnvdNoProxy").Any(char.IsControl))
            Report(ErrorCodes.InvalidValue, "EnvdNoProxy has more than one line.", "Write hosts with ',' between them.");
        return _model.Property("EnvdHttpProxy").Length + _model.Property("EnvdHttpsProxy").Length == 0 ? null
            : new ProxySpec(_model.Property("EnvdHttpProxy"), _model.Property("EnvdHttpsProxy"), _model.Property("EnvdNoProxy"));
    }

    /// <summary>A cache as <c>type=registry,ref=…</c>; a plain name is one in a registry.</summary>
    private string CacheText(ProjectItem item)
    {
        var text = item.Include.Trim();
        if (!text.Contains('=', StringComparison.Ordinal))
            text = "type=registry,ref=" + text;
        if (text.Any(char.IsControl) || !text.Split(',').All(p => p.IndexOf('=', StringComparison.Ordinal) > 0) || !text.Split(',').Any(p => p.StartsWith("type=", StringComparison.Ordinal)))
            Report(item, "", ErrorCodes.InvalidValue, $"{item.Type} '{Printable(text)}' is no cache.", "Write type=registry,ref=registry.example/team/cache, type=local,dest=FOLDER (src= to read) or type=inline.");
        return text;
    }

    private OutputSpec? Output(ProjectItem item)
    {
        var path = item["Path"];
        if (item.Include is not ("oci" or "docker" or "tar" or "local"))
            Report(item, "", ErrorCodes.UnknownKind, $"EnvdOutput '{Printable(item.Include)}' is nothing that an engine writes.", NearestName.Suggest(item.Include, ["oci", "docker", "tar", "local"]) is { Length: > 0 } near ? near : "Write oci, docker, tar or local.");
        else if (path.Length == 0)
            Report(item, "Path", ErrorCodes.MetadataConflict, $"EnvdOutput '{item.Include}' has no Path.", item.Include == "local" ? "Write a folder." : "Write a file.");
        else
            return new OutputSpec(item.Include, Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, path)));
        return null;
    }

    private string Absolute(string source) =>
        source.StartsWith("file:", StringComparison.Ordinal) ? "file:" + Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, source[5..])) : source;

    private PublishedPort? Published(ProjectItem? item, string service, int port, string protocol)
    {
        var host = item?["HostPort"] ?? "";
        if (host == "none")
            return null;
        var number = 0;
        if (host.Length > 0 && !TryPort(host, out number))
            Report(item, "HostPort", ErrorCodes.InvalidValue, $"HostPort of {item!.Type} '{item.Include}' is '{Printable(host)}'.", "Write a number from 1 to 65535, or none.");
        var address = item?["ListenAddress"] is { Length: > 0 } a ? a : "127.0.0.1";
        if (!System.Net.IPAddress.TryParse(address, out _))
            Report(item, "ListenAddress", ErrorCodes.InvalidValue, $"ListenAddress of {item!.Type} '{item.Include}' is '{Printable(address)}'.", "Write an address of this machine, such as 0.0.0.0.");
        return new PublishedPort(service, port, protocol, number, address);
    }

    private List<MountSpec> Mounts(EnvironmentSpec environment)
    {
        var mounts = new SortedDictionary<string, MountSpec>(StringComparer.Ordinal);
        if (!environment.Dev)
            return [];
        if (Choice("EnvdHome", "volume", "volume", "container") == "volume")
            mounts[$"/home/{environment.User}"] = new MountSpec($"/home/{environment.User}", "volume", $"envd-{environment.Name}-home", false, 0);
        if (Flag("EnvdMountProject", true))
            mounts[environment.WorkingDirectory] = new MountSpec(environment.WorkingDirectory, "bind", Path.GetDirectoryName(_model.ProjectFile)!, false, 0);
        foreach (var item in Items("Mount"))
        {
            var source = item["Source"];
            if (!IsCleanPath(item.Include) || item.Include == "/")
                Report(item, "", ErrorCodes.InvalidValue, $"Mount '{Printable(item.Include)}' is no absolute path in the environment.", "Write it as /data.");
            else if (source.Length == 0)
                Report(item, "Source", ErrorCodes.MetadataConflict, $"Mount '{item.Include}' has no Source.", "Write a folder of this machine, volume:NAME or tmpfs.");
            else if (source == "tmpfs")
                mounts[item.Include] = new MountSpec(item.Include, "tmpfs", "", Flag(item, "ReadOnly"), item["Size"].Length > 0 ? ParseSize(item, item["Size"]) : 0);
            else if (source.StartsWith("volume:", StringComparison.Ordinal))
            {
                if (!Names.IsIdentifier(source[7..]))
                    Report(item, "Source", ErrorCodes.InvalidName, $"'{Printable(source[7..])}' is no volume's name.");
                mounts[item.Include] = new MountSpec(item.Include, "volume", source[7..], Flag(item, "ReadOnly"), 0);
            }
            else
            {
                mounts[item.Include] = new MountSpec(item.Include, "bind", HostPath(source), Flag(item, "ReadOnly"), 0);
            }
        }
        return [.. mounts.Values];
    }

    private string HostPath(string source)
    {
        if (source == "~" || source.StartsWith("~/", StringComparison.Ordinal))
            source = System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile) + source[1..];
        return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_model.ProjectFile)!, source));
    }

    private long Size(string property, string otherwise)
    {
        var text = _model.Property(property) is { Length: > 0 } given ? given : otherwise;
        if (TryParseSize(text, out var size))
            return size;
        Report(ErrorCodes.InvalidValue, $"{property} is '{text}'.", "Write bytes, or a number with k, m or g.");
        return 0;
    }

    private long ParseSize(ProjectItem item, string text)
    {
        if (!TryParseSize(text, out var size))
            Report(item, "Size", ErrorCodes.InvalidValue, $"Size of {item.Type} '{item.Include}' is '{Printable(text)}'.", "Write bytes, or a number with k, m or g.");
        return size;
    }

    /// <summary>Reads bytes, or a number with k, m or g.</summary>
    public static bool TryParseSize(string text, out long size)
    {
        var shift = char.ToLowerInvariant(text.Length > 0 ? text[^1] : '0') switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 };
        var ok = long.TryParse(shift > 0 ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out size) && size < 1L << 32;
        size <<= shift;
        return ok;
    }
}
