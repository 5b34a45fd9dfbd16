using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.Tools;

namespace Envd.Core.Graph;

/// <summary>What is downloaded from its publisher, and what package managers of languages install.</summary>
public sealed partial class Planner
{
    /// <summary>Where tools live, each in a folder of its own name.</summary>
    public const string ToolsHome = "/opt/envd/tools";

    private const string UvHome = "/opt/envd/interpreter";
    private const string NpmHome = "/opt/envd/npm";
    private const string JuliaDepot = "/opt/envd/julia";
    private const string RustHome = "/opt/envd/rust";
    private const string ExtensionsHome = "/usr/lib/envd/vscode";

    private static string CondaHome(CondaSpec conda) => conda.Manager == "pixi" ? "/opt/envd/pixi/.pixi/envs/default" : "/opt/envd/conda";

    private static string CondaTool(CondaSpec conda) => conda.Manager == "pixi" ? "pixi" : "micromamba";

    /// <summary>Tools of the image, with the folders that they put on PATH.</summary>
    private IEnumerable<(string Name, string Version, string Checksum, string Origin)> WantedTools()
    {
        if (_spec.Conda is { } conda)
            yield return (CondaTool(conda), "", "", conda.Packages.Count > 0 ? "CondaPackage:*" : "CondaEnvironmentFile:*");
        foreach (var language in _spec.Languages.Where(l => l.Download && l.Name != "rust"))
            yield return (language.Name, language.Version, language.Checksum, "Language:" + language.Name);
        foreach (var service in _spec.Services.Where(s => s.Kind == "vscode").Take(1))
            yield return ("openvscode", "", "", "Service:" + service.Name);
        if (_spec.Prompt.Length > 0)
            yield return (_spec.Prompt, "", "", "Property:EnvdPrompt");
        if (_spec.Python is { Manager: "uv" })
            yield return ("uv", "", "", "Language:python");
    }

    /// <summary>Folders that come before the base's own, as far as they belong to what is managed here.</summary>
    internal static IEnumerable<string> ManagedPaths(EnvironmentSpec spec)
    {
        if (spec.HasPython)
            yield return PythonHome + "/bin";
        if (spec.Conda is { } conda)
        {
            yield return CondaHome(conda) + "/bin";
            yield return $"{ToolsHome}/{CondaTool(conda)}/bin";
        }
        if (spec.Packages.Any(p => p.Kind == "npm"))
            yield return NpmHome + "/bin";
        foreach (var language in spec.Languages.Where(l => l.Download))
            yield return language.Name == "rust" ? RustHome + "/cargo/bin"
                : ToolsHome + "/" + language.Name + (ToolCatalog.Tools[language.Name].Path is { Length: > 0 } path ? "/" + path : "");
        if (spec.Prompt.Length > 0)
            yield return $"{ToolsHome}/{spec.Prompt}/bin";
        if (spec.Python is { Manager: "uv" })
            yield return $"{ToolsHome}/uv/bin";
        if (spec.Base is { } upon)
            foreach (var path in ManagedPaths(upon.Spec).Where(p => p != PythonHome + "/bin"))
                yield return path;
    }

    /// <summary>Where tools look for their mirror, in steps and in the environment.</summary>
    private static readonly (string Of, string Variable)[] MirrorVariables = [("go", "GOPROXY"), ("julia", "JULIA_PKG_SERVER"), ("npm", "npm_config_registry")];

    /// <summary>Variables that managed parts need.</summary>
    internal static IEnumerable<string> ManagedVariables(EnvironmentSpec spec)
    {
        if (spec.Packages.Any(p => p.Kind == "npm"))
            yield return $"NODE_PATH={NpmHome}/lib/node_modules";
        // The empty first part stands for the depots that there are anyway, the user's own first.
        if (spec.Packages.Any(p => p.Kind == "julia"))
            yield return "JULIA_DEPOT_PATH=:" + JuliaDepot;
        foreach (var language in spec.Languages.Where(l => l.Download))
            if (language.Name == "rust")
                yield return $"RUSTUP_HOME={RustHome}/rustup";
            else if (language.Name == "dotnet")
                yield return $"DOTNET_ROOT={ToolsHome}/dotnet";
        foreach (var (of, variable) in MirrorVariables)
            if (spec.Mirrors.FirstOrDefault(m => m.Of == of) is { } mirror)
                yield return $"{variable}={mirror.Url}";
        if (spec.Base is { } upon)
            foreach (var variable in ManagedVariables(upon.Spec))
                yield return variable;
    }

    /// <summary>Downloads of a tool and of its publisher's checksums, and the step that checks and unpacks them.</summary>
    private string PlanTool(string on, string name, string version, string checksum, string origin, string stage = "")
    {
        // A stage's is beside the image's: in the linear plan that one stands on the chain.
        var key = name + Suffix(stage);
        if (_tools.TryGetValue(key, out var unpacked))
            return unpacked;
        var tool = ToolCatalog.Tools[name];
        var (url, known, sums) = tool.At(version, Architecture);
        if (checksum.Length > 0)
            (known, sums) = (checksum, "");
        var (file, binds) = Download(name, url, known, sums, origin);
        return _tools[key] = _graph.Add("tool:" + key, $"unpack {name} {(version.Length > 0 ? version : tool.Version)}", new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("tool", [file, sums.Length > 0 ? "/dev/shm/envd/checksums" : "", $"{ToolsHome}/{name}", Number(tool.Strip), tool.Program]),
            Binds = binds,
            Network = "none",
        }, origin);
    }

    private (string File, IReadOnlyList<GraphBind> Binds) Download(string name, string url, string checksum, string checksumsUrl, string origin)
    {
        var file = Path.GetFileName(new Uri(url).AbsolutePath);
        var target = "/dev/shm/envd/tool/" + file;
        var binds = new List<GraphBind> { new(target, _graph.Add("download:" + name, "download " + file, new DownloadOperation(MirroredAddress(url), checksum, file), origin), "/" + file) };
        if (checksumsUrl.Length > 0)
            binds.Add(new GraphBind("/dev/shm/envd/checksums", _graph.Add($"checksums:{name}", $"download the checksums of {name}", new DownloadOperation(MirroredAddress(checksumsUrl), "", "checksums"), origin), "/checksums"));
        return (target, binds);
    }

    /// <summary>Parts that stand beside the system, in the order in which they are laid over it; each is given what it is to run on.</summary>
    private IEnumerable<(Func<string, string> Plan, string Title)> ToolParts()
    {
        foreach (var (name, version, checksum, origin) in WantedTools())
            yield return (on => PlanTool(on, name, version, checksum, origin), $"what {name} adds");
        if (_spec.Languages.FirstOrDefault(l => l is { Name: "rust", Download: true }) is { } rust)
            yield return (on => PlanRust(on, rust), "what Rust adds");
    }

    private string PlanRust(string on, LanguageSpec rust)
    {
        var (url, known, sums) = ToolCatalog.Tools["rust"].At("", Architecture);
        var (file, binds) = Download("rust", url, known, sums, "Language:rust");
        var mirror = _spec.Mirrors.FirstOrDefault(m => m.Of == "static.rust-lang.org")?.Url;
        return _graph.Add("rust", "install Rust " + rust.Version, new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("rust-install", [file, sums.Length > 0 ? "/dev/shm/envd/checksums" : "", RustHome, rust.Version]),
            Environment = [.. CertificateVariables, .. mirror is null ? Array.Empty<string>() : [$"RUSTUP_DIST_SERVER={mirror}", $"RUSTUP_UPDATE_ROOT={mirror}/rustup"]],
            Binds = binds,
            Network = _spec.BuildNetwork,
        }, "Language:rust");
    }

    private string PlanUvPython(string on)
    {
        var mirror = _spec.Mirrors.FirstOrDefault(m => m.Of == "github.com")?.Url;
        var uv = PlanTool(on, "uv", "", "", "Language:python");
        var version = _spec.Python!.Version;
        return _graph.Add("python", $"uv python install {version}".TrimEnd(), new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("uv-python", ["/dev/shm/envd/uv/bin/uv", version, UvHome]),
            Environment = [.. CertificateVariables, .. mirror is null ? Array.Empty<string>() : [$"UV_PYTHON_INSTALL_MIRROR={mirror}/astral-sh/python-build-standalone/releases/download"]],
            Binds = [new GraphBind("/dev/shm/envd/uv", uv, ToolsHome + "/uv")],
            Caches = [new("/dev/shm/envd/cache/uv", $"envd-uv-{Architecture}", "shared")],
            Network = _spec.BuildNetwork,
        }, "Language:python");
    }

    private string PlanConda(string on, CondaSpec conda, string stage = "")
    {
        var tool = CondaTool(conda);
        var mirror = _spec.Mirrors.FirstOrDefault(m => m.Of == "conda")?.Url;
        var channels = conda.Channels.Select(c => mirror is null || c.Contains("://", StringComparison.Ordinal) ? c : $"{mirror}/{c}").ToList();
        var file = conda.File.Length > 0 ? "/dev/shm/envd/context/" + Path.GetFileName(conda.File) : "";
        var binds = new List<GraphBind> { new("/dev/shm/envd/tool", PlanTool(stage.Length > 0 ? _fetched : on, tool, "", "", "CondaPackage:*", stage), $"{ToolsHome}/{tool}") };
        if (file.Length > 0)
            binds.Add(new GraphBind(file, Context(), "/" + conda.File));
        return _graph.Add("conda" + Suffix(stage), $"{Prefix(stage)}{tool}: {Shorten([.. conda.File.Length > 0 ? new[] { conda.File } : [], .. conda.Packages])}", new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("conda", [$"/dev/shm/envd/tool/bin/{tool}", CondaHome(conda), file, Number(channels.Count), .. channels, .. conda.Packages]),
            Environment = CertificateVariables,
            Binds = binds,
            Caches = [new(tool == "pixi" ? "/dev/shm/envd/cache/pixi" : "/dev/shm/envd/cache/conda", $"envd-{tool}-{Architecture}", "locked")],
            Network = _spec.BuildNetwork,
        }, conda.Packages.Count > 0 ? "CondaPackage:*" : "CondaEnvironmentFile:*");
    }

    /// <summary>What runs upon the system with the downloaded languages: packages of npm, R and Julia.</summary>
    private IEnumerable<(Func<string, string> Plan, string Title)> LanguageParts()
    {
        var npm = _spec.Packages.Where(p => p.Kind == "npm").ToList();
        if (npm.Count > 0)
            yield return (on => PlanNpm(on, npm), "what the packages of npm add");
        var r = _spec.Packages.Where(p => p.Kind == "r").ToList();
        if (r.Count > 0)
            yield return (on => PlanR(on, r), "what the packages of R add");
        var julia = _spec.Packages.Where(p => p.Kind == "julia").ToList();
        if (julia.Count > 0)
            yield return (on => PlanJulia(on, julia), "what the packages of Julia add");
        if (_spec.Extensions.Count > 0)
            yield return (PlanExtensions, "what the extensions add");
    }

    // Of the node and of the title, for what belongs to a stage of the user's.
    private static string Suffix(string stage) => stage.Length > 0 ? ":" + stage : "";

    private static string Prefix(string stage) => stage.Length > 0 ? stage + ": " : "";

    private string PlanR(string on, IReadOnlyList<PackageSpec> r, string stage = "") =>
        _graph.Add("r-packages" + Suffix(stage), $"{Prefix(stage)}R: " + Shorten([.. r.Select(p => p.Name)]), new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("r-install", [MirrorOf("cran", "https://cloud.r-project.org"), .. r.SelectMany(p => new[] { p.Name, p.Version, MirroredAddress(p.Url) })]),
            Environment = CertificateVariables,
            Network = _spec.BuildNetwork,
        }, "RPackage:*");

    private string PlanJulia(string on, IReadOnlyList<PackageSpec> julia, string stage = "") =>
        _graph.Add("julia-packages" + Suffix(stage), $"{Prefix(stage)}Julia: " + Shorten([.. julia.Select(p => p.Name)]), new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("julia-install", julia.SelectMany(p => new[] { p.Name, p.Version, MirroredAddress(p.Url) })),
            Environment = [.. CertificateVariables, "JULIA_DEPOT_PATH=" + JuliaDepot, .. _spec.Mirrors.Where(m => m.Of == "julia").Select(m => "JULIA_PKG_SERVER=" + m.Url)],
            PathPrefix = [.. ManagedPaths(_spec)],
            Network = _spec.BuildNetwork,
        }, "JuliaPackage:*");

    /// <summary>Packages of other managers that a stage asks for, each kind in its own place of that stage.</summary>
    private string PlanStageOthers(StageSpec stage, string on)
    {
        List<PackageSpec> Of(params string[] kinds) => [.. stage.Packages.Where(p => kinds.Contains(p.Kind))];
        if (Of("dnf", "apk") is { Count: > 0 } system)
            on = PlanSystemPackages("packages:" + stage.Name, $"{stage.Name}: install packages of its distribution", on, system, []);
        if (stage.Conda is { } conda)
            on = PlanConda(on, conda, stage.Name);
        if (Of("npm") is { Count: > 0 } npm)
            on = PlanNpm(on, npm, stage.Name);
        if (Of("r") is { Count: > 0 } r)
            on = PlanR(on, r, stage.Name);
        return Of("julia") is { Count: > 0 } julia ? PlanJulia(on, julia, stage.Name) : on;
    }

    private string PlanNpm(string on, List<PackageSpec> packages, string stage = "")
    {
        var tool = ToolCatalog.Tools["npm"];
        var registry = MirrorOf("npm", "https://registry.npmjs.org");
        var (url, checksum, _) = tool.At("", Architecture);
        var (file, binds) = Download("npm", registry + url["https://registry.npmjs.org".Length..], checksum, "", "NpmPackage:*");
        return _graph.Add("npm" + Suffix(stage), Prefix(stage) + "npm install " + Shorten([.. packages.Select(p => p.Name)]), new RunOperation
        {
            On = on,
            Arguments = StepScripts.TimedCommand("npm-install", [file, NpmHome, .. packages.Select(p => p.Url.Length > 0 ? p.Url : p.Version.Length > 0 ? $"{p.Name}@{p.Version}" : p.Name)]),
            Environment = [.. CertificateVariables, "npm_config_registry=" + registry],
            PathPrefix = [.. ManagedPaths(_spec)],
            Binds = binds,
            Caches = [new("/dev/shm/envd/cache/npm", $"envd-npm-{Architecture}", "shared")],
            Network = _spec.BuildNetwork,
        }, "NpmPackage:*");
    }

    private string PlanExtensions(string on)
    {
        var unzip = AptStep("unzip", "install unzip, for the extensions", _system, "apt-install", ["unzip"], "VSCodeExtension:*");
        var actions = new List<GraphFileAction> { new() { Path = "/usr/lib/envd", Mode = "0755" }, new() { Path = ExtensionsHome, Mode = "0755" } };
        foreach (var extension in _spec.Extensions)
        {
            var (publisher, name) = (extension.Name[..extension.Name.IndexOf('.', StringComparison.Ordinal)], extension.Name[(extension.Name.IndexOf('.', StringComparison.Ordinal) + 1)..]);
            var origin = "VSCodeExtension:" + extension.Name;
            var folder = $"{extension.Name}-{extension.Version}".ToLowerInvariant();
            var url = $"{MirrorOf("vscode", "https://open-vsx.org")}/api/{publisher}/{name}/{extension.Version}/file/{extension.Name}-{extension.Version}.vsix";
            var (file, binds) = Download("vscode/" + extension.Name, url, extension.Sha256.Length > 0 ? "sha256:" + extension.Sha256 : "", "", origin);
            var unpacked = _graph.Add("extension:" + extension.Name, $"unpack {extension.Name} {extension.Version}", new RunOperation
            {
                On = unzip,
                Arguments = StepScripts.TimedCommand("vscode-extension", [file, "/opt/extension"]),
                Binds = binds,
                Network = "none",
            }, origin);
            actions.Add(new GraphFileAction { Path = $"{ExtensionsHome}/{folder}", From = unpacked, Source = "/opt/extension" });
        }
        return Clamped(on, _graph.Add("extensions", "take extensions", new FilesOperation(on, actions), "VSCodeExtension:*"), "the extensions");
    }

    private string MirrorOf(string what, string publisher) => _spec.Mirrors.FirstOrDefault(m => m.Of == what)?.Url ?? publisher;
}
