using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private static readonly string[] StepKinds = ["Run", "Script", "Copy", "Download", "Git", "WriteFile", "MakeDirectory", "Delete"];

    private StepSpec? Step(ProjectItem item, string stage, IReadOnlyList<string> stages)
    {
        if (!Names.IsIdentifier(item.Include))
        {
            Report(item, "", ErrorCodes.InvalidName, $"Step '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'; what people read goes into Title.");
            return null;
        }
        var kinds = StepKinds.Where(k => item.ShellText(k).Trim().Length > 0).ToList();
        if (kinds.Count != 1)
        {
            Report(item, "", ErrorCodes.MetadataConflict, $"Step '{item.Include}' needs exactly one of Run, Script, Copy, Download, Git, WriteFile, MakeDirectory and Delete.");
            return null;
        }
        var kind = kinds[0];
        var step = new StepSpec
        {
            Name = item.Include,
            Title = item["Title"],
            TargetPath = item.ShellText("TargetPath").Trim(),
            Mode = Mode(item),
            Owner = Owner(item),
            Origin = item.Origin,
        };
        return kind switch
        {
            "Run" or "Script" => Command(item, step, kind, stages),
            "Copy" => step with
            {
                Copy = CheckCopy(item, [.. item.ShellText("Copy").Split(';').Select(p => p.Trim()).Where(p => p.Length > 0)], stages),
                FromStage = item["FromStage"],
                FromImage = item["FromImage"] is { Length: > 0 } image ? Names.QualifyImage(image) : "",
                Unpack = Flag(item, "Unpack"),
            },
            "Download" => Download(item, step),
            "Git" => Git(item, step),
            "WriteFile" => step with { WriteFile = item.ShellText("WriteFile"), TargetPath = Target(item, "WriteFile") },
            "MakeDirectory" => step with { MakeDirectory = CleanPaths(item, "MakeDirectory").FirstOrDefault("") },
            _ => step with { Delete = CleanPaths(item, "Delete") },
        };
    }

    private StepSpec Command(ProjectItem item, StepSpec step, string kind, IReadOnlyList<string> stages)
    {
        var run = kind == "Run" ? item.ShellText("Run") : "";
        if (run.Contains('\0', StringComparison.Ordinal))
            Report(item, "Run", ErrorCodes.InvalidValue, "Shell text cannot hold a NUL character.");
        var network = item["Network"].ToLowerInvariant();
        if (network is not ("" or "default" or "host" or "none"))
            Report(item, "Network", ErrorCodes.InvalidValue, $"Network of Step '{item.Include}' is '{Printable(network)}'.", "Write default, host or none.");
        var user = item["User"];
        if (user.Length > 0 && !Names.IsUserReference(user))
            Report(item, "User", ErrorCodes.InvalidName, $"User of Step '{item.Include}' is '{Printable(user)}'.", "Write a name or number, with :group if need be.");
        foreach (var path in item.List("Cache").Append(item.ShellText("WorkingDirectory").Trim()).Where(p => p.Length > 0 && !IsCleanPath(p)))
            Report(item, "Cache", ErrorCodes.InvalidValue, $"'{Printable(path)}' is no absolute path.");
        var sharing = item["CacheSharing"].ToLowerInvariant();
        if (sharing is not ("" or "shared" or "private" or "locked"))
            Report(item, "CacheSharing", ErrorCodes.InvalidValue, $"CacheSharing of Step '{item.Include}' is '{Printable(sharing)}'.", "Write shared, private or locked.");
        return step with
        {
            Run = run,
            Script = kind == "Script" ? CheckScript(item, item.ShellText("Script").Trim()) : "",
            Arguments = item.List("Arguments"),
            User = user,
            WorkingDirectory = item.ShellText("WorkingDirectory").Trim(),
            Environment = Environment(item),
            Cache = item.List("Cache"),
            CacheSharing = sharing == "shared" ? "" : sharing,
            Mounts = [.. item.List("Mounts").Select(m => Mount(item, m, stages)).OfType<StepMountSpec>()],
            Secrets = UsedSecrets(item, "Secrets"),
            SshAgent = SshAgent(item),
            Network = network == "default" ? "" : network,
        };
    }

    private StepSpec Download(ProjectItem item, StepSpec step)
    {
        var url = item.Address("Download");
        if (!IsAddress(url) || UserInfo(url))
            Report(item, "Download", ErrorCodes.InvalidValue, $"'{Printable(url)}' is no address.", "Write an https:// address, without a login in it.");
        var checksum = item["Checksum"].ToLowerInvariant();
        if (checksum.Length == 64)
            checksum = "sha256:" + checksum;
        if (checksum.Length > 0 && !(checksum.Length == 71 && checksum.StartsWith("sha256:", StringComparison.Ordinal) && checksum.AsSpan(7).IndexOfAnyExcept("0123456789abcdef") < 0))
            Report(item, "Checksum", ErrorCodes.InvalidValue, $"Checksum of Step '{item.Include}' is '{Printable(checksum)}'.", "Write sha256: and 64 hexadecimal digits, as sha256sum prints them.");
        return step with { Download = url, Checksum = checksum, Unpack = Flag(item, "Unpack"), TargetPath = Target(item, "Download") };
    }

    private StepSpec Git(ProjectItem item, StepSpec step)
    {
        var remote = item.Address("Git");
        if (!Llb.State.IsGitRemote(remote) || (remote.StartsWith("http", StringComparison.Ordinal) && UserInfo(remote)))
            Report(item, "Git", ErrorCodes.InvalidValue, $"'{Printable(remote)}' is no git remote.", "Write https://host/path.git, ssh://git@host/path or git@host:path; a token belongs into a Secret.");
        var reference = item["Ref"];
        if (reference.Any(c => char.IsControl(c) || c is ' ' or ':' or '#') || reference.StartsWith('-'))
            Report(item, "Ref", ErrorCodes.InvalidValue, $"Ref of Step '{item.Include}' is '{Printable(reference)}'.", "Write a branch, a tag or a commit.");
        return step with { Git = remote, Ref = reference, TargetPath = Target(item, "Git"), Secrets = UsedSecrets(item, "Secrets"), SshAgent = SshAgent(item) };
    }

    private string Target(ProjectItem item, string kind)
    {
        var target = item.ShellText("TargetPath").Trim();
        if (!IsCleanPath(target) || (kind == "WriteFile" && target.EndsWith('/')))
            Report(item, "TargetPath", ErrorCodes.InvalidValue, $"TargetPath of Step '{item.Include}' is '{Printable(target)}'.",
                kind == "WriteFile" ? "Write the file's absolute path." : "Write an absolute path; one that ends in / is a folder.");
        return target;
    }

    private List<string> CleanPaths(ProjectItem item, string metadata)
    {
        var paths = item.ShellText(metadata).Split(';').Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        foreach (var path in paths.Where(p => !IsCleanPath(p) || p.Trim('/').Length == 0))
            Report(item, metadata, ErrorCodes.InvalidValue, $"'{Printable(path)}' is no absolute path.", "Write it as /opt/data.");
        if (metadata == "MakeDirectory" && paths.Count > 1)
            Report(item, metadata, ErrorCodes.InvalidValue, $"Step '{item.Include}' makes more than one folder.", "Write a Step for each.");
        return paths;
    }

    private string Mode(ProjectItem item)
    {
        var mode = item["Mode"];
        if (mode.Length > 0 && !(mode.All(c => c is >= '0' and <= '7') && (mode.Length == 3 || (mode.Length == 4 && mode[0] == '0'))))
            Report(item, "Mode", ErrorCodes.InvalidValue, $"Mode of Step '{item.Include}' is '{Printable(mode)}'.", "Write permission bits in octal, such as 0755; setuid, setgid and sticky bits take a Run.");
        return mode;
    }

    private string Owner(ProjectItem item)
    {
        var owner = item["Owner"];
        if (owner.Length > 0 && !Names.IsUserReference(owner))
            Report(item, "Owner", ErrorCodes.InvalidName, $"Owner of Step '{item.Include}' is '{Printable(owner)}'.", "Write a name or number, with :group if need be.");
        return owner;
    }

    private string SshAgent(ProjectItem item)
    {
        var agent = item["SshAgent"];
        if (agent.Length > 0 && agent is not ("true" or "false") && !Names.IsIdentifier(agent))
            Report(item, "SshAgent", ErrorCodes.InvalidName, $"SshAgent of Step '{item.Include}' is '{Printable(agent)}'.", "Write true.");
        return agent switch { "true" => "default", "false" => "", _ => agent };
    }

    /// <summary>A mount as <c>SOURCE[:/PATH]=/TARGET</c>.</summary>
    private StepMountSpec? Mount(ProjectItem item, string text, IReadOnlyList<string> stages)
    {
        var cut = text.LastIndexOf('=');
        var target = cut < 0 ? "" : text[(cut + 1)..].Trim();
        var source = cut < 0 ? text : text[..cut].Trim();
        var colon = source.IndexOf(":/", StringComparison.Ordinal);
        var path = colon < 0 ? "" : source[(colon + 1)..];
        var from = colon < 0 ? source : source[..colon];
        var known = from is "context" or "tmpfs" or "base" or "system" or "python" || stages.Contains(from);
        if (!IsCleanPath(target) || target.Trim('/').Length == 0 || (path.Length > 0 && !IsCleanPath(path)) || Llb.PatternSet.HasWildcard(path))
            Report(item, "Mounts", ErrorCodes.InvalidValue, $"'{Printable(text)}' is no mount.", "Write context=/src, STAGE:/path=/target, IMAGE:/path=/target or tmpfs=/tmp.");
        else if (!known && from.AsSpan().IndexOfAny(":/.@") < 0)
            Report(item, "Mounts", ErrorCodes.UnknownStage, $"Step '{item.Include}' mounts '{Printable(from)}', which is no stage.",
                NearestName.Suggest(from, stages.Concat(["context", "tmpfs", "base", "system", "python"])) is { Length: > 0 } near ? near : "An image needs its tag, such as debian:trixie.");
        else if (!known && !Names.IsImageReference(from))
            Report(item, "Mounts", ErrorCodes.InvalidName, $"'{Printable(from)}' is no image reference.");
        else if (from == "context" && path.Length > 0 && !Path.Exists(Path.Combine(_model.ContextDirectory, path.TrimStart('/'))))
            Report(item, "Mounts", ErrorCodes.MissingFile, $"'{Printable(path)}', which Step '{item.Include}' mounts, is not there.", "Write its path in the project's folder.");
        else
            return new StepMountSpec(known ? from : Names.QualifyImage(from), path, target);
        return null;
    }

    private string CheckScript(ProjectItem item, string script)
    {
        if (ContextPath(script) is not { } path)
            Report(item, "Script", ErrorCodes.InvalidValue, $"The script '{Printable(script)}' lies outside of the project's folder.", "Set EnvdContextDirectory to a folder that holds both.");
        else if (!File.Exists(Path.Combine(_model.ContextDirectory, path)))
            Report(item, "Script", ErrorCodes.MissingFile, $"The script '{Printable(script)}' is not there.", "Write its path relative to the project's folder.");
        else if (Llb.PatternSet.HasWildcard(path))
            Report(item, "Script", ErrorCodes.InvalidName, $"The script '{Printable(script)}' has a wildcard in its name.", "Rename it.");
        else
            return path;
        return script;
    }

    private List<string> CheckCopy(ProjectItem item, List<string> copy, IReadOnlyList<string> stages)
    {
        var target = item.ShellText("TargetPath").Trim();
        if (!IsCleanPath(target))
            Report(item, "TargetPath", ErrorCodes.InvalidValue, $"Step '{item.Include}' copies to '{Printable(target)}'.", "Write an absolute path; one that ends in / is a folder.");
        var (fromStage, fromImage) = (item["FromStage"], item["FromImage"]);
        if (fromStage.Length > 0 && fromImage.Length > 0)
            Report(item, "FromImage", ErrorCodes.MetadataConflict, $"Step '{item.Include}' has both FromStage and FromImage.");
        if (fromImage.Length > 0 && !Names.IsImageReference(fromImage))
            Report(item, "FromImage", ErrorCodes.InvalidName, $"'{Printable(fromImage)}' is no image reference.");
        if (fromStage.Length > 0 && !stages.Contains(fromStage) && fromStage is not ("base" or "system" or "python"))
            Report(item, "FromStage", ErrorCodes.UnknownStage, $"Step '{item.Include}' copies from the stage '{Printable(fromStage)}', which nothing declares.",
                NearestName.Suggest(fromStage, stages.Concat(["base", "system", "python"])));
        if (fromStage.Length > 0 || fromImage.Length > 0)
        {
            foreach (var path in copy.Where(p => !IsCleanPath(p)))
                Report(item, "Copy", ErrorCodes.InvalidValue, $"'{Printable(path)}' is no absolute path in the {(fromStage.Length > 0 ? "stage" : "image")}.");
            return copy;
        }
        var result = new List<string>();
        foreach (var pattern in copy)
        {
            var clean = pattern.TrimEnd('/');
            if (clean.StartsWith('/') || clean.Split('/').Contains("..") || clean.Length == 0 || pattern.Any(char.IsControl))
                Report(item, "Copy", ErrorCodes.InvalidValue, $"'{Printable(pattern)}' leads out of the project's folder.", "Write a path relative to it, or set EnvdContextDirectory.");
            else if (!Llb.PatternSet.HasWildcard(clean) && !Path.Exists(Path.Combine(_model.ContextDirectory, clean)))
                Report(item, "Copy", ErrorCodes.MissingFile, $"'{Printable(pattern)}', which Step '{item.Include}' copies, is not there.", "Write its path relative to the project's folder.");
            else
                result.Add(clean == "." ? "**" : clean.StartsWith("./", StringComparison.Ordinal) ? clean[2..] : clean);
        }
        return result;
    }
}
