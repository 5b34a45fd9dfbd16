using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private static readonly string[] CondaManagers = ["conda", "micromamba", "pixi"];

    /// <summary>Items of package managers that take a name and a version, and nothing of the project's.</summary>
    /// <param name="stage">Of the user's; empty for the managed parts.</param>
    private List<PackageSpec> Packages(string stage)
    {
        var packages = new List<PackageSpec>();
        Add("DnfPackage", "dnf", Names.IsDnfPackage, "a package's name: letters, digits, '+', '.', '_' and '-'");
        Add("ApkPackage", "apk", Names.IsAptPackage, "a package's name: small letters, digits, '+', '.' and '-'");
        Add("NpmPackage", "npm", Names.IsNpmPackage, "a package's name, such as typescript or @openai/codex");
        if (LanguageManager("r") != "conda")
            Add("RPackage", "r", Names.IsRPackage, "a package's name: letters, digits and '.'");
        Add("JuliaPackage", "julia", Names.IsRPackage, "a package's name: letters, digits and '.'");
        return packages;

        void Add(string type, string kind, Func<string, bool> isName, string what)
        {
            var named = new SortedDictionary<string, PackageSpec>(StringComparer.Ordinal);
            foreach (var item in stage.Length > 0 ? ItemsOf(type, stage) : Items(type).Where(i => CheckStage(i) && StageOf(i).Length == 0))
            {
                var version = item["Version"];
                var url = item.Address("Url");
                if (!CheckPackageName(item, isName, what))
                    continue;
                if (version.Length > 0 && !Names.IsAptVersion(version))
                    Report(item, "Version", ErrorCodes.InvalidValue, $"'{Printable(version)}' is no version.", "Write a release; ranges are for PythonPackage.");
                else if (url.Length > 0 && (!IsAddress(url) || UserInfo(url)))
                    Report(item, "Url", ErrorCodes.InvalidValue, $"'{Printable(url)}' is no address.", "Write an https:// address without a login in it.");
                else if (url.Length > 0 && version.Length > 0 && kind != "julia")
                    Report(item, "Url", ErrorCodes.MetadataConflict, $"{type} '{item.Include}' has both Version and Url.", "Keep one of them.");
                else if (named.TryGetValue(item.Include, out var other) && (other.Version != version || other.Url != url) && version.Length + url.Length > 0 && other.Version.Length + other.Url.Length > 0)
                    Report(item, "Version", ErrorCodes.Contradiction, $"{type} '{item.Include}' is declared as '{other.Version}{other.Url}' and as '{version}{url}'.", "Keep one of them.");
                else if (other is null || version.Length + url.Length > 0)
                    named[item.Include] = new PackageSpec(kind, item.Include, version, url);
            }
            packages.AddRange(named.Values);
        }
    }

    /// <summary>The environment of conda: for packages of its own, and for languages that it manages.</summary>
    private CondaSpec? Conda()
    {
        var python = LanguageManager("python");
        var managers = new[] { python, LanguageManager("r") }.Where(CondaManagers.Contains).Distinct().ToList();
        var file = CondaFile();
        var channels = Channels();
        var packages = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var item in Items("CondaPackage").Where(i => CheckStage(i) && StageOf(i).Length == 0))
            if (CondaPackage(item) is { } package)
                packages.Add(package);
        if (packages.Count == 0 && managers.Count == 0 && file.Length == 0 && Items("CondaPackage").Any(i => StageOf(i).Length > 0))
            return null; // the channels are the stages'
        if (managers.Count == 0 && packages.Count == 0 && file.Length == 0)
        {
            foreach (var channel in Items("CondaChannel"))
                _diagnostics.Warning(ErrorCodes.UnusedItem, $"CondaChannel '{Printable(channel.Include)}' is used by nothing.", "Add a CondaPackage, or remove the channel.", _sources.Value.PositionOf(channel));
            return null;
        }
        if (CondaManagers.Contains(python))
            packages.Add("python" + CondaVersion(PythonLanguage()!["Version"]));
        if (LanguageManager("r") == "conda")
        {
            packages.Add("r-base" + CondaVersion(LanguageItem("r")!["Version"]));
            foreach (var item in Items("RPackage"))
                if (CheckPackageName(item, Names.IsRPackage, "a package's name: letters, digits and '.'"))
                    packages.Add("r-" + item.Include.ToLowerInvariant() + CondaVersion(item["Version"]));
        }
        var manager = managers.Contains("pixi") || file.EndsWith(".toml", StringComparison.Ordinal) ? "pixi" : managers.Contains("conda") ? "conda" : "micromamba";
        if (manager == "conda")
            packages.Add("conda");
        // A file names its channels itself.
        return new CondaSpec { Manager = manager, Packages = [.. packages], Channels = file.Length > 0 && !Items("CondaChannel").Any() ? [] : channels, File = file };
    }

    /// <summary>An environment of a stage's own.</summary>
    private CondaSpec? StageConda(string stage)
    {
        var packages = new SortedSet<string>(ItemsOf("CondaPackage", stage).Select(CondaPackage).OfType<string>(), StringComparer.Ordinal);
        return packages.Count == 0 ? null : new CondaSpec { Manager = "micromamba", Packages = [.. packages], Channels = Channels() };
    }

    private string CondaFile()
    {
        var file = "";
        foreach (var item in Items("CondaEnvironmentFile"))
        {
            if (ContextFile(item, "", item.Include) is not { } path)
                continue;
            if (!path.EndsWith(".yml", StringComparison.Ordinal) && !path.EndsWith(".yaml", StringComparison.Ordinal) && !path.EndsWith(".txt", StringComparison.Ordinal)
                && Path.GetFileName(path) != "pixi.toml")
                Report(item, "", ErrorCodes.InvalidName, $"'{Printable(item.Include)}' is no environment file that Envd knows.", "Name it environment.yml, an explicit lock .txt, or pixi.toml.");
            else if (file.Length > 0 && file != path)
                Report(item, "", ErrorCodes.Contradiction, $"The environment of conda is declared by '{file}' and by '{Printable(item.Include)}'.", "Keep one of them; CondaPackage adds to it.");
            else
                file = path;
        }
        return file;
    }

    private string? CondaPackage(ProjectItem item)
    {
        if (!CheckPackageName(item, Names.IsCondaPackage, "a package's name: small letters, digits, '.', '_' and '-'"))
            return null;
        var version = item["Version"];
        var build = item["Build"];
        var channel = item["Channel"];
        if (!VersionSpecifier.TryParse(version, out _))
            Report(item, "Version", ErrorCodes.InvalidValue, $"'{Printable(version)}' is no version.", "Write 2.8.0, 2.8.* or [2.6,3).");
        else if (build.Length > 0 && !Names.IsCondaBuild(build))
            Report(item, "Build", ErrorCodes.InvalidValue, $"'{Printable(build)}' is no build.", "Write it as conda search shows it; * stands for any text.");
        else if (channel.Length > 0 && !Names.IsCondaChannel(channel))
            Report(item, "Channel", ErrorCodes.InvalidValue, $"'{Printable(channel)}' is no channel.", "Write a name such as conda-forge, or an https:// address.");
        else
            return (channel.Length > 0 ? channel + "::" : "") + item.Include + CondaVersion(version) + (build.Length > 0 ? (version.Length > 0 ? "=" : "=*=") + build : "");
        return null;
    }

    /// <summary>A version as conda's match specification states it: <c>=3.12</c> is any 3.12, <c>==3.12.1</c> exactly it.</summary>
    private static string CondaVersion(string version)
    {
        if (version.Length == 0 || !VersionSpecifier.TryParse(version, out var specifier))
            return "";
        if (!specifier.StartsWith("==", StringComparison.Ordinal))
            return specifier.Replace("~=", "~=", StringComparison.Ordinal);
        var release = specifier[2..];
        return release.EndsWith(".*", StringComparison.Ordinal) ? "=" + release[..^2] : release.Count(c => c == '.') < 2 ? "=" + release : "==" + release;
    }

    private List<string> Channels()
    {
        var channels = new List<string>();
        foreach (var item in Items("CondaChannel"))
        {
            if (!Names.IsCondaChannel(item.Include))
                Report(item, "", ErrorCodes.InvalidValue, $"CondaChannel '{Printable(item.Include)}' is neither a name nor an address.", "Write conda-forge, or https://….");
            else if (!channels.Contains(item.Include))
                channels.Add(item.Include);
        }
        return channels.Count > 0 ? channels : ["conda-forge"];
    }

    private List<ExtensionSpec> Extensions(bool dev)
    {
        var extensions = new SortedDictionary<string, ExtensionSpec>(StringComparer.Ordinal);
        foreach (var item in Items("VSCodeExtension"))
        {
            var sha = item["Sha256"].ToLowerInvariant();
            if (!Names.IsExtension(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"VSCodeExtension '{Printable(item.Include)}' is no extension.", "Write it as publisher.name.");
            else if (!Names.IsAptVersion(item["Version"]))
                Report(item, "Version", ErrorCodes.MetadataConflict, $"VSCodeExtension '{item.Include}' has no Version.", "Write a release as its page shows it: what is newest changes by itself.");
            else if (sha.Length > 0 && !(sha.Length == 64 && sha.All(char.IsAsciiHexDigit)))
                Report(item, "Sha256", ErrorCodes.InvalidValue, $"Sha256 of VSCodeExtension '{item.Include}' is none.", "Write the 64 hexadecimal digits that sha256sum prints.");
            else if (extensions.TryGetValue(item.Include, out var other) && other.Version != item["Version"])
                Report(item, "Version", ErrorCodes.Contradiction, $"VSCodeExtension '{item.Include}' is declared with the versions {other.Version} and {item["Version"]}.", "Keep one of them.");
            else
                extensions[item.Include] = new ExtensionSpec(item.Include, item["Version"], sha);
        }
        return dev ? [.. extensions.Values] : [];
    }
}
