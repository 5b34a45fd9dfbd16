using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Envd.Core.Spec;

namespace Envd.Runtime.Environments;

/// <summary>What the engine is asked to create for an environment.</summary>
internal static class ContainerDefinition
{

    /// <summary>Tells one project from another of the same name, without naming its folder.</summary>
    public static string ProjectKey(string projectFile) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(projectFile)))[..12];

    /// <summary>How many GPUs to ask for: 0 for none, -1 for all.</summary>
    /// <param name="gpu">EnvdGpu.</param>
    /// <param name="imageEnvironment">The image's variables: one made for GPUs says so.</param>
    /// <param name="engineHasGpus">The engine has NVIDIA's runtime.</param>
    public static int Gpus(string gpu, IEnumerable<string> imageEnvironment, bool engineHasGpus) => gpu switch
    {
        "none" => 0,
        "all" => -1,
        "auto" => engineHasGpus && imageEnvironment.Any(v => v.StartsWith("NVIDIA_VISIBLE_DEVICES=", StringComparison.Ordinal) && v["NVIDIA_VISIBLE_DEVICES=".Length..] is not ("" or "none" or "void")) ? -1 : 0,
        _ => int.Parse(gpu, CultureInfo.InvariantCulture),
    };

    /// <summary>The body of a create request.</summary>
    public static JsonObject Create(RunSpec run, string image, string imageDigest, string runDigest, string projectKey, IReadOnlyList<BoundPort> ports, int gpus = 0)
    {
        var bindings = new JsonObject();
        var exposed = new JsonObject();
        foreach (var bound in ports)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{bound.Port.Port}/{bound.Port.Protocol}");
            exposed[key] = new JsonObject();
            bindings[key] = new JsonArray(new JsonObject
            {
                ["HostIp"] = bound.Port.ListenAddress,
                ["HostPort"] = bound.HostPort.ToString(CultureInfo.InvariantCulture),
            });
        }
        var host = new JsonObject
        {
            ["PortBindings"] = bindings,
            ["Mounts"] = new JsonArray([.. run.Mounts.Select(Mount)]),
            ["ShmSize"] = run.ShmSize,
            ["RestartPolicy"] = new JsonObject { ["Name"] = "no" },
        };
        foreach (var option in run.Options)
            Apply(host, option);
        if (gpus != 0)
            // As docker's --gpus: -1 is all there are.
            host["DeviceRequests"] = new JsonArray(new JsonObject { ["Driver"] = "", ["Count"] = gpus, ["Capabilities"] = new JsonArray(new JsonArray("gpu")) });
        return new JsonObject
        {
            ["Image"] = image,
            ["Env"] = new JsonArray([.. Proxies(run.Proxy).Select(v => (JsonNode)v)]),
            ["Hostname"] = run.Name.Length > 63 ? run.Name[..63] : run.Name,
            ["ExposedPorts"] = exposed,
            ["Labels"] = new JsonObject
            {
                [ContainerLabels.Name] = run.Name,
                [ContainerLabels.Image] = imageDigest,
                [ContainerLabels.Run] = runDigest,
                [ContainerLabels.Project] = projectKey,
            },
            ["HostConfig"] = host,
        };
    }

    // Some programs read one spelling, some the other.
    private static IEnumerable<string> Proxies(ProxySpec? proxy)
    {
        foreach (var (name, value) in new[] { ("http_proxy", proxy?.Http), ("https_proxy", proxy?.Https), ("no_proxy", proxy?.None) })
            if (value is { Length: > 0 })
            {
                yield return $"{name}={value}";
                yield return $"{name.ToUpperInvariant()}={value}";
            }
    }

    /// <summary>The files that bind an environment to its caller; PID 1 reads them.</summary>
    public static MemoryStream StartFiles(uint uid, uint gid, string publicKey, string gitConfiguration, IReadOnlyDictionary<string, string> tokens, IReadOnlyDictionary<string, string> secrets)
    {
        var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            // What is root's and readable for all is no secret; tokens are for root until PID 1 hands them to the account.
            Add(tar, "uid", uid.ToString(CultureInfo.InvariantCulture) + "\n", 0x1A4);
            Add(tar, "gid", gid.ToString(CultureInfo.InvariantCulture) + "\n", 0x1A4);
            Add(tar, "authorized_keys", publicKey + "\n", 0x1A4);
            foreach (var (service, token) in tokens)
                Add(tar, "tokens/" + service, token, 0x100);
            foreach (var (id, secret) in secrets)
                Add(tar, "secrets/" + id, secret, 0x100);
            if (gitConfiguration.Length > 0)
                Add(tar, "gitconfig", gitConfiguration, 0x1A4);
        }
        stream.Position = 0;
        return stream;
    }

    private static void Add(TarWriter tar, string name, string text, int mode) =>
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "var/lib/envd/start/" + name)
        {
            Mode = (UnixFileMode)mode,
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
        });

    private static void Apply(JsonObject host, NamedValue option)
    {
        var value = option.Value;
        switch (option.Name)
        {
            case "add-host":
                Add(host, "ExtraHosts", value);
                break;
            case "cap-add":
                Add(host, "CapAdd", value);
                break;
            case "cpus":
                host["NanoCpus"] = (long)(decimal.Parse(value, CultureInfo.InvariantCulture) * 1_000_000_000);
                break;
            case "device":
                var parts = value.Split(':');
                Add(host, "Devices", new JsonObject { ["PathOnHost"] = parts[0], ["PathInContainer"] = parts.Length > 1 ? parts[1] : parts[0], ["CgroupPermissions"] = parts.Length > 2 ? parts[2] : "rwm" });
                break;
            case "ipc":
                host["IpcMode"] = value;
                break;
            case "memory":
                SpecBuilder.TryParseSize(value, out var bytes);
                host["Memory"] = bytes;
                break;
            case "network":
                host["NetworkMode"] = value;
                break;
            case "ulimit":
                var pair = value.Split('=', 2);
                var limits = pair[1].Split(':');
                Add(host, "Ulimits", new JsonObject { ["Name"] = pair[0], ["Soft"] = long.Parse(limits[0], CultureInfo.InvariantCulture), ["Hard"] = long.Parse(limits[^1], CultureInfo.InvariantCulture) });
                break;
        }
    }

    private static void Add(JsonObject host, string list, JsonNode value)
    {
        if (host[list] is not JsonArray array)
            host[list] = array = [];
        array.Add(value);
    }

    private static JsonNode Mount(MountSpec mount)
    {
        var result = new JsonObject
        {
            ["Type"] = mount.Kind,
            ["Target"] = mount.Target,
            ["ReadOnly"] = mount.ReadOnly,
        };
        if (mount.Kind != "tmpfs")
            result["Source"] = mount.Source;
        else if (mount.Size > 0)
            result["TmpfsOptions"] = new JsonObject { ["SizeBytes"] = mount.Size };
        return result;
    }
}
