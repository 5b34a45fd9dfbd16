using System.Globalization;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

/// <summary>Turns an evaluated project into its spec, or into everything that is wrong with it.</summary>
public sealed partial class SpecBuilder
{
    private readonly ProjectModel _model;
    private readonly ILookup<string, ProjectItem> _items;
    private readonly DiagnosticBag _diagnostics;
    private readonly Lazy<ProjectSources> _sources;
    private readonly Dictionary<string, ILookup<string, ProjectItem>> _byStage = new(StringComparer.OrdinalIgnoreCase);

    private SpecBuilder(ProjectModel model, DiagnosticBag diagnostics)
    {
        _model = model;
        _items = model.Items.ToLookup(i => i.Type, StringComparer.OrdinalIgnoreCase);
        _diagnostics = diagnostics;
        _sources = new Lazy<ProjectSources>(() => new ProjectSources(SourceFiles(model)));
    }

    /// <summary>
    /// The project file, the Directory.Build files that may belong to it (there or not), and every file that declares an item. An item that MSBuild
    /// has dropped names no file, so the usual ones are read in any case.
    /// </summary>
    public static IEnumerable<string> SourceFiles(ProjectModel model) =>
        model.Items.Select(i => i.DefiningFile).Where(f => f.Length > 0).Prepend(model.ProjectFile).Concat(DirectoryBuildFiles(model.ProjectFile)).Distinct(StringComparer.Ordinal);

    private static IEnumerable<string> DirectoryBuildFiles(string projectFile)
    {
        foreach (var name in (string[])["Directory.Build.props", "Directory.Build.targets"])
            for (var folder = Path.GetDirectoryName(projectFile); folder is not null; folder = Path.GetDirectoryName(folder))
            {
                var path = Path.Combine(folder, name);
                yield return path;
                // The nearest one is the one that counts.
                if (File.Exists(path))
                    break;
            }
    }

    /// <summary>Builds both specs.</summary>
    /// <returns>Null where the diagnostics hold an error.</returns>
    public static SpecResult? Build(ProjectModel model, DiagnosticBag diagnostics)
    {
        var builder = new SpecBuilder(WithPersonalStage(model), diagnostics);
        RawProjectChecks.Check(builder._sources.Value, model.Items, diagnostics);
        var environment = builder.BuildEnvironment();
        var run = builder.BuildRun(environment);
        var locked = builder.Flag("EnvdLocked", false);
        if (diagnostics.HasErrors)
            return null;
        var result = Locks.LockSelection.Apply(new SpecResult(environment, run, builder.Positions()), model.ProjectFile, model.ContextDirectory, locked, diagnostics);
        return diagnostics.HasErrors ? null : result;
    }

    private EnvironmentSpec BuildEnvironment()
    {
        ReadReferences();
        var dev = Flag("EnvdDev", true);
        var name = Names.ToSafeName(_model.Property("EnvdName") is { Length: > 0 } given ? given : Path.GetFileNameWithoutExtension(_model.ProjectFile));
        var variant = _model.Property("EnvdVariant");
        if (variant.Length > 0 && !Names.IsIdentifier(variant))
            Report(ErrorCodes.InvalidName, $"EnvdVariant '{Printable(variant)}' is no name.", "Write letters, digits, '.', '_' and '-', such as gpu.");
        var user = _model.Property("ContainerUser") is { Length: > 0 } u ? u : "envd";
        if (!Names.IsUser(user))
            Report(ErrorCodes.InvalidName, $"ContainerUser '{user}' is no account name.", "Write small letters, digits, '_' and '-', such as envd.");
        var services = Services(dev);
        var stages = Stages(out var imageSteps, out var personal);
        var supervisor = Supervisor(services, dev);
        var conda = Conda();
        var python = Python(services, conda, dev);
        CheckPersonal(python);
        foreach (var item in Items("AptPackage"))
            CheckStage(item);
        var authorities = CertificateAuthorities();
        var aptSources = AptSources();
        var spec = new EnvironmentSpec
        {
            Name = variant.Length > 0 ? $"{name}-{Names.ToSafeName(variant)}" : name,
            Dev = dev,
            Platform = Platform(),
            Platforms = Platforms(),
            BaseImage = BaseImage(),
            Image = ImageName(name, dev, variant),
            User = user,
            WorkingDirectory = WorkingDirectory(user, name, dev),
            Supervisor = supervisor,
            Merge = Choice("EnvdMerge", "auto", "auto", "on", "off"),
            PythonLayers = Choice("EnvdPythonLayers", "wheel", "wheel", "single") is "single" ? "single" : "",
            BuildNetwork = Choice("EnvdBuildNetwork", "", "", "host", "none"),
            AptPackages = AptPackages(""),
            Packages = Packages(""),
            Conda = conda,
            Prompt = dev ? Choice("EnvdPrompt", "", "", "starship") : "",
            Extensions = Extensions(dev),
            Python = python,
            Languages = Languages(),
            Shell = Choice("EnvdShell", "bash", "bash", "zsh", "fish"),
            Git = dev ? Git() : [],
            Commands = RuntimeCommands(),
            Services = services,
            Environment = NamedValues("ContainerEnvironmentVariable", Names.IsVariable, "a variable's name: letters, digits and '_'"),
            Labels = NamedValues("ContainerLabel", Names.IsLabel, "a label's name: letters, digits, '.', '_', '/' and '-'"),
            Ports = [.. Items("ContainerPort").Select(ContainerPort).OfType<PortSpec>().OrderBy(p => p.Number)],
            Stages = stages,
            Personal = personal,
            Steps = imageSteps,
            Secrets = Secrets(),
            PathEntries = PathEntries(),
            CertificateAuthorities = authorities,
            AptSources = aptSources,
            Mirrors = Mirrors(),
        };
        spec = WithBase(spec);
        if (!dev)
            NoteWhatIsLeftOut();
        CheckPorts(spec);
        return spec with { ContextPatterns = ContextPatterns(spec) };
    }

    /// <summary>One message for all that belongs to an environment to work in, and is not in a lean image.</summary>
    private void NoteWhatIsLeftOut()
    {
        var parts = Items("Service").Where(i => !Guid.TryParse(i.Include, out _) && i.ShellText("Command").Length == 0).Select(i => "Service " + i.Include)
            .Concat(Items("VSCodeExtension").Select(i => "VSCodeExtension " + i.Include))
            .Concat(Items("Mount").Select(i => "Mount " + i.Include))
            .Concat(new[] { "EnvdShell", "EnvdPrompt", "EnvdGitUserName", "EnvdGitUserEmail", "EnvdGitEditor" }.Where(p => _model.Property(p).Length > 0))
            .Select(Printable).ToList();
        if (parts.Count > 0)
            _diagnostics.Note($"The image is lean (EnvdDev is false) and leaves out {string.Join(", ", parts)}.");
    }

    /// <summary>The platform of this machine's image: EnvdPlatform, else this machine's own, unless EnvdPlatforms leaves it out.</summary>
    private string Platform()
    {
        var platform = _model.Property("EnvdPlatform");
        if (platform.Length == 0)
            platform = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64
                ? "linux/arm64" : "linux/amd64";
        if (platform is not ("linux/amd64" or "linux/arm64"))
            Report(ErrorCodes.InvalidValue, $"EnvdPlatform '{platform}' is not supported.", "Write linux/amd64 or linux/arm64.");
        var platforms = Platforms();
        return platforms.Count == 0 || platforms.Contains(platform) || _model.Property("EnvdPlatform").Length > 0 ? platform : platforms[0];
    }

    private IReadOnlyList<string> Platforms()
    {
        string[] platforms = [.. _model.Property("EnvdPlatforms").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct()];
        foreach (var unknown in platforms.Where(p => p is not ("linux/amd64" or "linux/arm64")))
            Report(ErrorCodes.InvalidValue, $"EnvdPlatforms holds '{Printable(unknown)}', which is not supported.", "Write linux/amd64;linux/arm64.");
        return platforms.Length > 1 ? platforms : [];
    }

    private string BaseImage()
    {
        if (_references.Find(r => r.Spec.IsBase).Spec is { } upon)
            return upon.Spec.BaseImage;
        var image = _model.Property("ContainerBaseImage") is { Length: > 0 } given ? given : "ubuntu:24.04";
        if (!Names.IsImageReference(image))
            Report(ErrorCodes.InvalidName, $"ContainerBaseImage '{image}' is no image reference.", "Write it as registry/name:tag.");
        return CudaImage(Names.QualifyImage(image));
    }

    private string ImageName(string name, bool dev, string variant)
    {
        var repository = _model.Property("ContainerRepository") is { Length: > 0 } given ? given : name;
        var registry = _model.Property("ContainerRegistry");
        var tag = _model.Property("ContainerImageTags") is { Length: > 0 } tags ? tags.Split(';')[0].Trim() : dev ? "dev" : "latest";
        if (variant.Length > 0)
            tag += "-" + variant;
        var reference = $"{(registry.Length > 0 ? registry + "/" : "")}{repository}:{tag}";
        if (!Names.IsImageReference(reference))
            Report(ErrorCodes.InvalidName, $"The image would be named '{reference}', which is no image reference.",
                "Set ContainerRepository to small letters, digits, '.', '_', '-' and '/'.");
        return Names.QualifyImage(reference);
    }

    private string WorkingDirectory(string user, string name, bool dev)
    {
        var directory = _model.Property("ContainerWorkingDirectory");
        if (directory.Length == 0)
            return dev ? $"/home/{user}/{name}" : "/";
        if (!IsCleanPath(directory))
            Report(ErrorCodes.InvalidValue, $"ContainerWorkingDirectory '{directory}' is no absolute path.", "Write it as /srv/app.");
        return directory;
    }

    private IReadOnlyList<AptPackageSpec> AptPackages(string stage)
    {
        var packages = new SortedDictionary<string, AptPackageSpec>(StringComparer.Ordinal);
        foreach (var item in ItemsOf("AptPackage", stage))
        {
            if (!CheckPackageName(item, Names.IsAptPackage, "a package's name: small letters, digits, '+', '.' and '-'"))
                continue;
            var version = item["Version"];
            if (version.Length > 0 && !Names.IsAptVersion(version))
                Report(item, "Version", ErrorCodes.InvalidValue, $"'{version}' is no version of apt.", "Write a release as apt-cache policy shows it; apt takes no ranges.");
            else if (packages.TryGetValue(item.Include, out var other) && other.Version.Length > 0 && version.Length > 0 && other.Version != version)
                Report(item, "Version", ErrorCodes.Contradiction, $"{item.Include} is declared with the versions {other.Version} and {version}.", "Keep one of them.");
            else if (other is null || version.Length > 0)
                packages[item.Include] = new AptPackageSpec(item.Include, version);
        }
        return [.. packages.Values];
    }

    /// <summary>A name that is none gets the error that fits: a version in it, a leading dash, or characters that no name has.</summary>
    private bool CheckPackageName(ProjectItem item, Func<string, bool> isName, string what)
    {
        var name = item.Include;
        if (isName(name))
            return true;
        var cut = name.AsSpan().IndexOfAny("=<>~!");
        if (cut > 0 && isName(name[..cut].Trim()))
            Report(item, "", ErrorCodes.VersionInInclude, $"{item.Type} '{Printable(name)}' has a version in its Include.",
                $"Write Include=\"{name[..cut].Trim()}\" Version=\"{name[cut..].TrimStart('=', ' ')}\".");
        else if (name.StartsWith('-'))
            Report(item, "", ErrorCodes.InvalidName, $"{item.Type} '{Printable(name)}' begins with '-', which would be an option.", "Write the name of a package.");
        else
            Report(item, "", ErrorCodes.InvalidName, $"{item.Type} '{Printable(name)}' is not {what}.", "Write one name per item, or several with ';' between them.");
        return false;
    }

    private IReadOnlyList<NamedValue> NamedValues(string type, Func<string, bool> isName, string what)
    {
        var values = new SortedDictionary<string, NamedValue>(StringComparer.Ordinal);
        foreach (var item in Items(type))
        {
            if (!isName(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"{type} '{Printable(item.Include)}' is not {what}.");
            else if (item["Value"].Contains('\0', StringComparison.Ordinal))
                Report(item, "Value", ErrorCodes.InvalidValue, "A value cannot hold a NUL character.");
            else
                values[item.Include] = new NamedValue(item.Include, item["Value"]);
        }
        return [.. values.Values];
    }

    private PortSpec? ContainerPort(ProjectItem item)
    {
        var protocol = item["Type"] is { Length: > 0 } type ? type.ToLowerInvariant() : "tcp";
        if (protocol is not ("tcp" or "udp"))
            Report(item, "Type", ErrorCodes.InvalidValue, $"ContainerPort '{item.Include}' has the Type '{protocol}'.", "Write tcp or udp.");
        else if (TryPort(item.Include, out var number))
            return new PortSpec(number, protocol);
        else
            Report(item, "", ErrorCodes.InvalidValue, $"ContainerPort '{Printable(item.Include)}' is no port.", "Write a number from 1 to 65535.");
        return null;
    }

    private void CheckPorts(EnvironmentSpec spec)
    {
        var taken = new Dictionary<int, string>();
        foreach (var service in spec.Services.Where(s => s.Port > 0))
            if (!taken.TryAdd(service.Port, $"the service '{service.Name}'"))
                Report(Items("Service").FirstOrDefault(i => i.Include == service.Name), "Port", ErrorCodes.PortConflict,
                    $"The service '{service.Name}' wants port {service.Port}, which {taken[service.Port]} has.", $"Give one of them another Port.");
        foreach (var port in spec.Ports.Where(p => p.Protocol == "tcp"))
            if (!taken.TryAdd(port.Number, "another ContainerPort"))
                Report(Items("ContainerPort").FirstOrDefault(i => i.Include == port.Number.ToString(CultureInfo.InvariantCulture)), "", ErrorCodes.PortConflict,
                    $"ContainerPort {port.Number} is the port that {taken[port.Number]} has.", "Remove one of them: a service's port is published without it.");
    }

    private static IReadOnlyList<string> ContextPatterns(EnvironmentSpec spec)
    {
        var patterns = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var step in spec.AllSteps)
        {
            if (step.Script.Length > 0)
                patterns.Add(step.Script);
            if (step.FromStage.Length == 0 && step.FromImage.Length == 0)
                patterns.UnionWith(step.Copy);
            patterns.UnionWith(step.Mounts.Where(m => m.From == "context").Select(m => m.Path.Length > 1 ? m.Path.Trim('/') : "**"));
        }
        patterns.UnionWith(spec.CertificateAuthorities);
        patterns.UnionWith(spec.AptSources.SelectMany(s => new[] { s.Path, s.KeyFile }).Where(p => p.Length > 0));
        patterns.UnionWith(spec.Python?.FileClosure ?? []);
        patterns.UnionWith(spec.Python?.Wheels ?? []);
        patterns.UnionWith((spec.Python?.Projects ?? []).SelectMany(PythonProjectPatterns));
        if (spec.Conda is { File.Length: > 0 } conda)
            patterns.Add(conda.File);
        return [.. patterns];
    }

    private IReadOnlyDictionary<string, SourcePosition> Positions()
    {
        var result = new SortedDictionary<string, SourcePosition>(StringComparer.Ordinal);
        foreach (var item in _model.Items)
            if (_sources.Value.PositionOf(item) is { Line: > 0 } position)
                result[item.Origin] = position;
        foreach (var (name, position) in _sources.Value.Properties)
            if (_model.Properties.ContainsKey(name))
                result["Property:" + name] = position;
        AddReferencePositions(result);
        return result;
    }

    private IEnumerable<ProjectItem> Items(string type) => _items[type];

    /// <summary>Items that are installed in a stage of the user's; in the managed parts for the empty name.</summary>
    private IEnumerable<ProjectItem> ItemsOf(string type, string stage)
    {
        if (!_byStage.TryGetValue(type, out var lookup))
            _byStage[type] = lookup = Items(type).ToLookup(StageOf, StringComparer.Ordinal);
        return lookup[stage];
    }

    private bool Flag(string property, bool otherwise)
    {
        var text = _model.Property(property);
        if (text.Length == 0)
            return otherwise;
        if (bool.TryParse(text, out var value))
            return value;
        Report(ErrorCodes.InvalidValue, $"{property} is '{text}'.", "Write true or false.");
        return otherwise;
    }

    private string Choice(string property, string otherwise, params string[] choices)
    {
        var text = _model.Property(property).ToLowerInvariant();
        if (text.Length == 0)
            return otherwise;
        if (!choices.Contains(text))
            Report(ErrorCodes.InvalidValue, $"{property} is '{text}'.", $"Write {string.Join(", ", choices.Where(c => c.Length > 0))}.");
        return text;
    }

    private bool Flag(ProjectItem item, string metadata)
    {
        var text = item[metadata];
        if (text.Length == 0)
            return false;
        if (bool.TryParse(text, out var value))
            return value;
        Report(item, metadata, ErrorCodes.InvalidValue, $"{metadata} of {item.Type} '{item.Include}' is '{text}'.", "Write true or false.");
        return false;
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and < 65536;

    internal static bool IsCleanPath(string path) =>
        path.StartsWith('/') && path.AsSpan().IndexOfAny('\0', '\n', '\r') < 0 && !path.Split('/').Contains("..");

    private static string Printable(string text) =>
        string.Concat((text.Length > 60 ? text[..60] + "…" : text).Select(c => char.IsControl(c) ? '␣' : c));

    private void Report(ProjectItem? item, string metadata, string code, string message, string hint = "") =>
        _diagnostics.Error(code, message, hint, item is null ? null : _sources.Value.PositionOf(item, metadata));

    /// <summary>Reports at the property that the message begins with, or names first.</summary>
    private void Report(string code, string message, string hint = "")
    {
        var property = _model.Properties.Keys.Where(k => message.Contains(k, StringComparison.Ordinal) || hint.Contains(k, StringComparison.Ordinal))
            .FirstOrDefault(_sources.Value.Properties.ContainsKey);
        _diagnostics.Error(code, message, hint, property is null ? new SourcePosition(_model.ProjectFile, 0, 0) : _sources.Value.Properties[property]);
    }
}

/// <summary>What <see cref="SpecBuilder.Build"/> makes.</summary>
/// <param name="Environment">env.spec.json.</param>
/// <param name="Run">env.run.json.</param>
/// <param name="Positions">From an item's origin to where it stands.</param>
public sealed record SpecResult(EnvironmentSpec Environment, RunSpec Run, IReadOnlyDictionary<string, SourcePosition> Positions);
