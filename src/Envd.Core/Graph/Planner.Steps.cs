using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Llb;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    private string PlanStep(string stage, string on, StepSpec step)
    {
        var title = step.Title.Length > 0 ? step.Title : $"{stage}: {step.Name}";
        var id = $"step:{stage}/{step.Name}";
        var origin = stage == "image" ? $"Step:{step.Name}" : $"Step:{stage}/{step.Name}";
        if (step.Copy.Count > 0)
            return _graph.Add(id, title, new FilesOperation(on, [.. step.Copy.Select(pattern => CopyAction(stage, on, step, pattern))]), origin);
        var run = new RunOperation
        {
            On = on,
            Arguments = step.Run.Length > 0 ? StepScripts.UserCommand(step.Run) : [],
            Environment = [.. StepEnvironment(step)],
            WorkingDirectory = step.WorkingDirectory.Length > 0 ? step.WorkingDirectory : stage == "image" ? _spec.WorkingDirectory : "/",
            User = step.User,
            Network = step.Network.Length > 0 ? step.Network : _spec.BuildNetwork,
            Caches = [.. step.Cache.Select(path => new GraphCache(path, $"envd-{_spec.Name}-{stage}{path}", false))],
        };
        if (step.Script.Length > 0)
        {
            // Mounted where no image has a folder, so that nothing of it is left behind.
            const string target = "/dev/shm/envd-script";
            run = run with
            {
                Arguments = StepScripts.Command("user-script", [target, .. step.Arguments]),
                Binds = [new GraphBind(target, Context(), "/" + step.Script)],
            };
        }
        return _graph.Add(id, title, run, origin);
    }

    private IEnumerable<string> StepEnvironment(StepSpec step) =>
        _spec.Environment.Concat(step.Environment).Select(v => $"{v.Name}={v.Value}")
            .Concat([$"TARGETPLATFORM={_spec.Platform}", $"TARGETARCH={_spec.Platform.Split('/')[1]}"]);

    private GraphFileAction CopyAction(string stage, string on, StepSpec step, string pattern)
    {
        var target = on.Length == 0 ? AvoidLinks(step.TargetPath) : step.TargetPath;
        if (step.FromStage.Length > 0 || step.FromImage.Length > 0)
        {
            return new GraphFileAction
            {
                Path = target,
                From = step.FromImage.Length > 0 ? _graph.Image(step.FromImage, $"Step:{stage}/{step.Name}") : Root(step.FromStage),
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
