using System.Globalization;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Llb;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    private string PlanStep(string stage, string on, StepSpec step, string platform = "")
    {
        var title = step.Title.Length > 0 ? step.Title : $"{stage}: {step.Name}";
        var id = $"step:{stage}/{step.Name}";
        var origin = stage == "image" ? $"Step:{step.Name}" : $"Step:{stage}/{step.Name}";
        // An engine makes folders under its umask: what others may write takes a command.
        if (step.MakeDirectory.Length > 0 && on.Length > 0 && Umasked(step.Mode))
            return _graph.Add(id, title, new RunOperation
            {
                On = on,
                Arguments = StepScripts.TimedCommand("make-directory", [step.MakeDirectory, step.Mode, step.Owner]),
                Network = "none",
                Platform = platform,
            }, origin);
        return step.Run.Length > 0 || step.Script.Length > 0
            ? _graph.Add(id, title, PlanCommand(stage, on, step, platform), origin)
            : Clamped(on, _graph.Add(id, title, new FilesOperation(on, PlanFiles(stage, on, step, title, origin)), origin), title, step.Delete.Count == 0);
    }

    /// <summary>
    /// Of a locked project, what a file operation adds with one time for all: an engine gives the folders above it the time of the build. What
    /// deletes cannot be copied, and stays as it is.
    /// </summary>
    private string Clamped(string on, string node, string title, bool adds = true)
    {
        if (_spec.Lock is null || !_merge || !adds)
            return node;
        var added = on.Length == 0 ? node : _graph.Diff(on, node, $"what {title} adds");
        var clamped = _graph.Add(node + ":times", "one time for " + title, new FilesOperation("", [new GraphFileAction { Path = "/", From = added, Source = "/", ContentsOnly = true }]));
        return on.Length == 0 ? clamped : _graph.Merge(node + ":merged", [on, clamped], $"lay {title} over the rest");
    }

    private RunOperation PlanCommand(string stage, string on, StepSpec step, string platform)
    {
        var arguments = StepScripts.UserCommand(step.Run);
        var binds = new List<GraphBind>();
        if (step.Script.Length > 0)
        {
            // Mounted where no image has a folder, so that nothing of it is left behind.
            const string target = "/dev/shm/envd-script";
            arguments = StepScripts.Command("user-script", [target, .. step.Arguments]);
            binds.Add(new GraphBind(target, Context(), "/" + step.Script));
        }
        var variables = step.Secrets.Select(id => _spec.Secrets.First(s => s.Id == id)).Where(s => s.Variable.Length > 0).ToList();
        if (variables.Count > 0)
            arguments = StepScripts.Command("with-secrets", [variables.Count.ToString(CultureInfo.InvariantCulture), .. variables.SelectMany(s => new[] { s.Variable, s.Id }), .. arguments]);
        if (_spec.Lock is not null)
            arguments = StepScripts.TimedCommand("clamped", arguments);
        binds.AddRange(step.Mounts.Where(m => m.From != "tmpfs").Select(m => new GraphBind(m.Target, m.From == "context" ? Context() : Root(m.From), m.Path)));
        return new RunOperation
        {
            On = on,
            Arguments = arguments,
            Environment = [.. StepEnvironment(stage, step, platform)],
            PathPrefix = [.. PathOf(stage)],
            WorkingDirectory = step.WorkingDirectory.Length > 0 ? step.WorkingDirectory : IsOnImage(stage) ? _spec.WorkingDirectory : "/",
            User = step.User,
            Network = step.Network.Length > 0 ? step.Network : _spec.BuildNetwork,
            Binds = binds,
            // By its path and platform: two projects that keep one tool's cache in one place share it.
            Caches = [.. step.Cache.Select(path => new GraphCache(path, $"envd{path}-{(platform.Length > 0 ? platform : _spec.Platform).Split('/')[1]}", step.CacheSharing.Length > 0 ? step.CacheSharing : "shared"))],
            Memory = [.. step.Mounts.Where(m => m.From == "tmpfs").Select(m => m.Target)],
            Secrets = step.Secrets,
            SshAgent = step.SshAgent,
            Platform = platform,
        };
    }

    private IReadOnlyList<GraphFileAction> PlanFiles(string stage, string on, StepSpec step, string title, string origin)
    {
        string Target(string path) => on.Length == 0 ? AvoidLinks(path) : path;
        if (step.Copy.Count > 0)
            return [.. step.Copy.Select(pattern => CopyAction(stage, on, step, pattern) with { Owner = step.Owner, Unpack = step.Unpack })];
        if (step.Download.Length > 0)
        {
            var name = Path.GetFileName(new Uri(step.Download).AbsolutePath) is { Length: > 0 } last ? Uri.UnescapeDataString(last) : "download";
            name = string.Concat(name.Select(c => char.IsControl(c) || c is '/' or '\\' ? '_' : c));
            var file = _graph.Add($"download:{stage}/{step.Name}", "download " + name, new DownloadOperation(MirroredAddress(step.Download), step.Checksum, name), origin);
            return [new GraphFileAction { Path = Target(step.TargetPath), From = file, Source = "/" + name, Unpack = step.Unpack, Mode = step.Unpack || step.Mode.Length > 0 ? step.Mode : "0644", Owner = step.Owner }];
        }
        if (step.Git.Length > 0)
        {
            var tree = _graph.Add($"git:{stage}/{step.Name}", title + " (git)", new GitOperation(MirroredAddress(step.Git), step.Ref, step.Secrets.FirstOrDefault(""), step.SshAgent), origin);
            return [new GraphFileAction { Path = Target(step.TargetPath), From = tree, Source = "/", ContentsOnly = true, Mode = step.Mode, Owner = step.Owner }];
        }
        if (step.Delete.Count > 0)
            return [.. step.Delete.Select(path => new GraphFileAction { Path = path, Delete = true })];
        if (step.MakeDirectory.Length > 0)
            return [new GraphFileAction { Path = Target(step.MakeDirectory), Mode = step.Mode.Length > 0 ? step.Mode : "0755", Owner = step.Owner }];
        var path = Target(step.TargetPath);
        var folder = path[..path.LastIndexOf('/')];
        var written = new GraphFileAction { Path = path, Text = step.WriteFile.EndsWith('\n') ? step.WriteFile : step.WriteFile + "\n", Mode = step.Mode.Length > 0 ? step.Mode : "0644", Owner = step.Owner };
        if (Umasked(step.Mode))
        {
            // A copy sets the mode that it is given, whatever the umask.
            var file = _graph.Add($"file:{stage}/{step.Name}", title + " (file)", new FilesOperation("", [written with { Path = "/file", Owner = "" }]), origin);
            written = new GraphFileAction { Path = path, From = file, Source = "/file", Mode = step.Mode, Owner = step.Owner };
        }
        // A file's folder must be there; one that is keeps its mode.
        return folder.Length == 0 ? [written] : [new GraphFileAction { Path = folder, Mode = "0755" }, written];
    }

    /// <summary>What a step finds before the base's own programs: in the image all that the image has, upon Python its environment.</summary>
    private IEnumerable<string> PathOf(string stage)
    {
        if (IsOnImage(stage))
            return Prepended().Concat(ManagedPaths(_spec));
        var own = Find(stage);
        return StagePaths().Concat(_spec.HasPython && (own.From == "python" || own.PythonRequirements.Count > 0) ? [PythonHome + "/bin"] : []);

        IEnumerable<string> StagePaths() => (own.Conda is { } conda ? new[] { CondaHome(conda) + "/bin" } : []).Concat(own.Packages.Any(p => p.Kind == "npm") ? [NpmHome + "/bin"] : []);

        IEnumerable<string> Prepended() => _spec.PathEntries.Where(p => p is { Variable: "PATH", Append: false }).Select(p => p.Path).Reverse();
    }

    /// <summary>Do a stage's steps run in the image, rather than in a branch of their own?</summary>
    private bool IsOnImage(string stage) => stage == "image" || stage == _spec.Personal?.Name;

    private static bool Umasked(string mode) => mode.Length > 0 && (Convert.ToInt32(mode, 8) & 0x12) != 0;

    private IEnumerable<string> StepEnvironment(string stage, StepSpec step, string platform)
    {
        platform = platform.Length > 0 ? platform : _spec.Platform;
        var managed = IsOnImage(stage) ? ManagedVariables(_spec) : MirrorVariables.Where(v => _spec.Mirrors.Any(m => m.Of == v.Of)).Select(v => $"{v.Variable}={MirrorOf(v.Of, "")}");
        return CertificateVariables.Concat(managed).Concat(_spec.Environment.Concat(step.Environment).Select(v => $"{v.Name}={v.Value}"))
            .Concat([$"TARGETPLATFORM={platform}", $"TARGETARCH={platform.Split('/')[1]}"]);
    }

    private GraphFileAction CopyAction(string stage, string on, StepSpec step, string pattern)
    {
        var target = on.Length == 0 ? AvoidLinks(step.TargetPath) : step.TargetPath;
        if (step.FromStage.Length > 0 || step.FromImage.Length > 0)
        {
            return new GraphFileAction
            {
                Path = target,
                From = step.FromImage.Length > 0 ? Image(step.FromImage, $"Step:{stage}/{step.Name}") : Root(step.FromStage),
                Source = pattern,
                Wildcard = PatternSet.HasWildcard(pattern),
                // `Copy="/out/"` means what is in it, as a path without a trailing slash means the thing itself.
                ContentsOnly = pattern.EndsWith('/'),
                Mode = step.Mode,
            };
        }
        var prefix = new PatternSet([pattern]).Roots()[0];
        if (!PatternSet.HasWildcard(pattern))
        {
            // A folder's name means what lies in it; a file goes to the target, or into it.
            return new GraphFileAction { Path = target, From = Context(), Source = "/" + pattern, ContentsOnly = true, Mode = step.Mode };
        }
        var rest = prefix.Length == 0 ? pattern : pattern[(prefix.Length + 1)..];
        return new GraphFileAction
        {
            Path = target.EndsWith('/') ? target : target + "/",
            From = Context(),
            Source = "/" + prefix,
            ContentsOnly = true,
            Include = rest == "**" ? [] : [rest],
            Mode = step.Mode,
        };
    }

    /// <summary>
    /// Trees that are merged must not hold a folder where a distribution has a link: it would replace the link and everything behind it.
    /// </summary>
    internal static string AvoidLinks(string path)
    {
        foreach (var link in (string[])["/bin", "/sbin", "/lib", "/lib64", "/lib32"])
            if (path == link || path.StartsWith(link + "/", StringComparison.Ordinal))
                return "/usr" + path;
        foreach (var link in (string[])["/var/run", "/var/lock"])
            if (path == link || path.StartsWith(link + "/", StringComparison.Ordinal))
                return link == "/var/run" ? "/run" + path[link.Length..] : "/run/lock" + path[link.Length..];
        return path;
    }
}
