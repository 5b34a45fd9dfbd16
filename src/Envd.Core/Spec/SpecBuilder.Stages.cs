using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Names of the managed parts, which no stage of the user's may take.</summary>
    internal static readonly string[] ReservedStages = ["base", "system", "image", "scratch", PersonalStage, .. KnownLanguages];

    private List<StageSpec> Stages(out IReadOnlyList<StepSpec> imageSteps, out StageSpec? personal)
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
                stages.Add(Stage(item));
        }
        foreach (var stage in stages.Where(s => _references.Exists(r => r.Spec.Name == s.Name)))
            Report(Items("Stage").First(i => i.Include == stage.Name), "", ErrorCodes.Contradiction, $"'{stage.Name}' is the stage of a referenced environment.", "Give the stage another name.");
        var names = stages.Select(s => s.Name).ToList();
        var sources = names.Concat(_references.Select(r => r.Spec.Name)).ToList();
        var steps = names.Append("image").Concat(HasPersonalStage ? [PersonalStage] : []).ToDictionary(n => n, _ => new List<StepSpec>(), StringComparer.Ordinal);
        foreach (var item in Items("Step"))
        {
            var stage = item["Stage"] is { Length: > 0 } s ? s : "image";
            if (!steps.TryGetValue(stage, out var list) || (stage == PersonalStage && !IsPersonal(_model, item)))
                Report(item, "Stage", ErrorCodes.UnknownStage, $"Step '{Printable(item.Include)}' names the stage '{Printable(stage)}', which nothing declares.",
                    NearestName.Suggest(stage, steps.Keys) is { Length: > 0 } near ? near : $"Add <Stage Include=\"{Printable(stage)}\" />.");
            else if (Step(item, stage, sources) is { } step && !list.Exists(other => other.Name == step.Name))
                list.Add(step);
            else if (Names.IsIdentifier(item.Include) && list.Exists(other => other.Name == item.Include))
                Report(item, "", ErrorCodes.Contradiction, $"There are two steps named '{item.Include}' in the stage '{stage}'.", "Give one of them another name; Title is what people read.");
        }
        imageSteps = steps["image"];
        var complete = stages.Select(Filled).ToList();
        personal = HasPersonalStage ? Filled(new StageSpec { Name = PersonalStage, From = "image" }) : null;
        foreach (var stage in complete.Where(s => s.AptPackages.Count + s.PythonRequirements.Count > 0 && (s.From == "scratch" || s.Merge.Count > 0 || s.Diff.Length > 0)))
            Report(Items("Stage").First(i => i.Include == stage.Name), "", ErrorCodes.MetadataConflict, $"Packages are installed in the stage '{stage.Name}', which has no system to install them with.", "Let it start From a stage or an image, without Merge and Diff.");
        CheckStages(complete, imageSteps);
        return complete;

        StageSpec Filled(StageSpec stage) => stage with
        {
            Steps = steps[stage.Name],
            AptPackages = AptPackages(stage.Name),
            PythonRequirements = StageRequirements(stage.Name),
            Packages = Packages(stage.Name),
            Conda = StageConda(stage.Name),
        };
    }

    private StageSpec Stage(ProjectItem item)
    {
        var merge = item.List("Merge");
        var platform = item["Platform"];
        if (platform is not ("" or "linux/amd64" or "linux/arm64"))
            Report(item, "Platform", ErrorCodes.InvalidValue, $"Platform of Stage '{item.Include}' is '{Printable(platform)}'.", "Write linux/amd64 or linux/arm64.");
        return new StageSpec
        {
            Name = item.Include,
            // What is merged stands by itself, unless something to lay it upon is named.
            From = item["From"] is { Length: > 0 } from ? from : merge.Count > 0 ? "scratch" : "system",
            Merge = merge,
            Diff = item["Diff"],
            Platform = platform,
            AddToImage = Flag(item, "AddToImage"),
        };
    }

    private void CheckStages(List<StageSpec> stages, IReadOnlyList<StepSpec> imageSteps)
    {
        ProjectItem ItemOf(string name) => Items("Stage").First(i => i.Include == name);
        foreach (var stage in stages)
        {
            var known = stages.Exists(s => s.Name == stage.From) || stage.From is "base" or "system" or "python" or "scratch" || _references.Exists(r => r.Spec.Name == stage.From);
            // What is no stage is an image, and an image without a tag or registry looks like a misspelt stage.
            if (!known && stage.From.AsSpan().IndexOfAny(":/.@") < 0)
                Report(ItemOf(stage.Name), "From", ErrorCodes.UnknownStage, $"Stage '{stage.Name}' starts from '{Printable(stage.From)}', which is no stage.",
                    NearestName.Suggest(stage.From, stages.Select(s => s.Name).Concat(["base", "system", "python", "scratch"])) is { Length: > 0 } near
                        ? near : "An image needs its tag, such as debian:trixie.");
            else if (!known && !Names.IsImageReference(stage.From))
                Report(ItemOf(stage.Name), "From", ErrorCodes.InvalidName, $"'{Printable(stage.From)}' is neither a stage nor an image reference.");
            foreach (var (metadata, name) in stage.Merge.Select(m => ("Merge", m)).Append(("Diff", stage.Diff)))
                if (name.Length > 0 && !stages.Exists(s => s.Name == name) && name is not ("base" or "system" or "python") && !_references.Exists(r => r.Spec.Name == name))
                    Report(ItemOf(stage.Name), metadata, ErrorCodes.UnknownStage, $"{metadata} of Stage '{stage.Name}' names '{Printable(name)}', which is no stage.",
                        NearestName.Suggest(name, stages.Select(s => s.Name).Concat(["base", "system", "python"])));
        }
        if (Cycle(stages) is { } cycle)
        {
            Report(ItemOf(cycle[0]), "From", ErrorCodes.StageCycle, $"Stages need each other: {string.Join(" → ", cycle)}.", "Take one step into the other stage.");
            return;
        }
        var used = stages.SelectMany(s => s.Needs).Concat(imageSteps.SelectMany(s => s.Needs)).ToHashSet(StringComparer.Ordinal);
        foreach (var stage in stages.Where(s => !s.AddToImage && !used.Contains(s.Name)))
            _diagnostics.Warning(ErrorCodes.UnusedStage, $"Nothing takes from the stage '{stage.Name}', so it is not built.",
                "Copy from it by a Step with FromStage, or set AddToImage=\"true\".", _sources.Value.PositionOf(ItemOf(stage.Name)));
    }

    private static List<string>? Cycle(List<StageSpec> stages)
    {
        var names = stages.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        var edges = stages.ToDictionary(s => s.Name,
            s => s.Needs.Where(n => names.Contains(n)).ToList(), StringComparer.Ordinal);
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
}
