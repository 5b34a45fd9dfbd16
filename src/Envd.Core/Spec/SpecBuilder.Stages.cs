using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Names of the managed parts, which no stage of the user's may take.</summary>
    internal static readonly string[] ReservedStages = ["base", "system", "python", "image", "scratch"];

    private List<StageSpec> Stages(out IReadOnlyList<StepSpec> imageSteps)
    {
        var stages = new List<StageSpec>();
        foreach (var item in Items("Stage"))
        {
            if (!Names.IsIdentifier(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"Stage '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            else if (ReservedStages.Contains(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"'{item.Include}' is the name of a managed part.", "Give the stage another name.");
            else if (stages.Exists(s => s.Name == item.Include))
                Report(item, "", ErrorCodes.Contradiction, $"There are two stages named '{item.Include}'.");
            else
                stages.Add(new StageSpec
                {
                    Name = item.Include,
                    From = item["From"] is { Length: > 0 } from ? from : "system",
                    AddToImage = Flag(item, "AddToImage"),
                });
        }
        var names = stages.Select(s => s.Name).ToList();
        var steps = names.Append("image").ToDictionary(n => n, _ => new List<StepSpec>(), StringComparer.Ordinal);
        foreach (var item in Items("Step"))
        {
            var stage = item["Stage"] is { Length: > 0 } s ? s : "image";
            if (!steps.TryGetValue(stage, out var list))
                Report(item, "Stage", ErrorCodes.UnknownStage, $"Step '{Printable(item.Include)}' names the stage '{Printable(stage)}', which nothing declares.",
                    NearestName.Suggest(stage, steps.Keys) is { Length: > 0 } near ? near : $"Add <Stage Include=\"{Printable(stage)}\" />.");
            else if (Step(item, stage, names) is { } step && !list.Exists(other => other.Name == step.Name))
                list.Add(step);
            else if (Names.IsIdentifier(item.Include) && list.Exists(other => other.Name == item.Include))
                Report(item, "", ErrorCodes.Contradiction, $"There are two steps named '{item.Include}' in the stage '{stage}'.", "Give one of them another name; Title is what people read.");
        }
        imageSteps = steps["image"];
        var complete = stages.Select(s => s with { Steps = steps[s.Name] }).ToList();
        CheckStages(complete, imageSteps);
        return complete;
    }

    private void CheckStages(List<StageSpec> stages, IReadOnlyList<StepSpec> imageSteps)
    {
        ProjectItem ItemOf(string name) => Items("Stage").First(i => i.Include == name);
        foreach (var stage in stages)
        {
            var known = stages.Exists(s => s.Name == stage.From) || stage.From is "base" or "system" or "python" or "scratch";
            // What is no stage is an image, and an image without a tag or registry looks like a misspelt stage.
            if (!known && stage.From.AsSpan().IndexOfAny(":/.@") < 0)
                Report(ItemOf(stage.Name), "From", ErrorCodes.UnknownStage, $"Stage '{stage.Name}' starts from '{Printable(stage.From)}', which is no stage.",
                    NearestName.Suggest(stage.From, stages.Select(s => s.Name).Concat(["base", "system", "python", "scratch"])) is { Length: > 0 } near
                        ? near : "An image needs its tag, such as debian:trixie.");
            else if (!known && !Names.IsImageReference(stage.From))
                Report(ItemOf(stage.Name), "From", ErrorCodes.InvalidName, $"'{Printable(stage.From)}' is neither a stage nor an image reference.");
        }
        if (Cycle(stages) is { } cycle)
        {
            Report(ItemOf(cycle[0]), "From", ErrorCodes.StageCycle, $"Stages need each other: {string.Join(" → ", cycle)}.", "Take one step into the other stage.");
            return;
        }
        var used = stages.Select(s => s.From).Concat(stages.SelectMany(s => s.Steps).Concat(imageSteps).Select(s => s.FromStage)).ToHashSet(StringComparer.Ordinal);
        foreach (var stage in stages.Where(s => !s.AddToImage && !used.Contains(s.Name)))
            _diagnostics.Warning(ErrorCodes.UnusedStage, $"Nothing takes from the stage '{stage.Name}', so it is not built.",
                "Copy from it by a Step with FromStage, or set AddToImage=\"true\".", _sources.Value.PositionOf(ItemOf(stage.Name)));
    }

    private static List<string>? Cycle(List<StageSpec> stages)
    {
        var edges = stages.ToDictionary(s => s.Name,
            s => s.Steps.Select(step => step.FromStage).Append(s.From).Where(n => stages.Exists(o => o.Name == n)).ToList(), StringComparer.Ordinal);
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var start in edges.Keys)
        {
            // Depth first by hand: a chain of a thousand stages is no reason for a stack overflow.
            var path = new List<string>();
            var stack = new Stack<(string Name, int Next)>();
            stack.Push((start, 0));
            while (stack.TryPop(out var top))
            {
                if (top.Next == 0)
                {
                    if (done.Contains(top.Name))
                        continue;
                    path.Add(top.Name);
                }
                if (top.Next == edges[top.Name].Count)
                {
                    done.Add(top.Name);
                    path.RemoveAt(path.Count - 1);
                    continue;
                }
                stack.Push((top.Name, top.Next + 1));
                var next = edges[top.Name][top.Next];
                if (path.IndexOf(next) is var i and >= 0)
                    return [.. path[i..], next];
                stack.Push((next, 0));
            }
        }
        return null;
    }

    private StepSpec? Step(ProjectItem item, string stage, IReadOnlyList<string> stages)
    {
        if (!Names.IsIdentifier(item.Include))
        {
            Report(item, "", ErrorCodes.InvalidName, $"Step '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'; what people read goes into Title.");
            return null;
        }
        var run = item.ShellText("Run");
        var script = item.ShellText("Script").Trim();
        var copy = item.ShellText("Copy").Split(';').Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        if (new[] { run.Trim().Length > 0, script.Length > 0, copy.Count > 0 }.Count(b => b) != 1)
        {
            Report(item, "", ErrorCodes.MetadataConflict, $"Step '{item.Include}' needs exactly one of Run, Script and Copy.");
            return null;
        }
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
        if (script.Length > 0)
            script = CheckScript(item, script);
        if (copy.Count > 0)
            copy = CheckCopy(item, copy, stages);
        var mode = item["Mode"];
        if (mode.Length > 0 && !(mode.Length is 3 or 4 && mode.All(c => c is >= '0' and <= '7')))
            Report(item, "Mode", ErrorCodes.InvalidValue, $"Mode of Step '{item.Include}' is '{Printable(mode)}'.", "Write permission bits in octal, such as 0755.");
        return new StepSpec
        {
            Name = item.Include,
            Title = item["Title"],
            Run = run.Trim().Length > 0 ? run : "",
            Script = script,
            Arguments = item.List("Arguments"),
            Copy = copy,
            TargetPath = item.ShellText("TargetPath").Trim(),
            FromStage = item["FromStage"],
            FromImage = item["FromImage"] is { Length: > 0 } image ? Names.QualifyImage(image) : "",
            Mode = mode,
            User = user,
            WorkingDirectory = item.ShellText("WorkingDirectory").Trim(),
            Environment = Environment(item),
            Cache = item.List("Cache"),
            Network = network == "default" ? "" : network,
            Origin = item.Origin,
        };
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
