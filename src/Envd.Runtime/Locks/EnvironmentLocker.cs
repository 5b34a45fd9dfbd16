using System.Text;
using Envd.BuildKit.Client;
using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Locks;
using Envd.Core.Lowering;
using Envd.Core.Spec;
using Envd.Core.StateFiles;
using Envd.Llb;
using Envd.Runtime.Docker;
using Envd.Runtime.Images;
using Platform = Envd.Llb.Platform;

namespace Envd.Runtime.Locks;

/// <summary>What a lock may change.</summary>
public sealed record LockOptions
{
    /// <summary>Packages of Python or apt, or images, that may move.</summary>
    public IReadOnlyList<string> Upgrade { get; init; } = [];

    /// <summary>Everything may move.</summary>
    public bool UpgradeAll { get; init; }

    /// <summary>Large Python packages are ordered by size again.</summary>
    public bool Relayout { get; init; }
}

/// <summary>A lock that was made, not yet written.</summary>
/// <param name="Files">Where it belongs.</param>
/// <param name="Locks">One for each platform.</param>
/// <param name="Changes">What differs from the lock before.</param>
/// <param name="Warnings">Paths that two packages write.</param>
public sealed record LockOutcome(LockFiles Files, IReadOnlyList<EnvironmentLock> Locks, IReadOnlyList<LockChange> Changes, IReadOnlyList<Diagnostic> Warnings);

/// <summary>Something that a lock holds, and held.</summary>
/// <param name="Kind"><c>python</c>, <c>apt</c>, <c>image</c>, <c>git</c> or <c>download</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Before">Its version or digest; null where it is new.</param>
/// <param name="After">The same; null where it is gone.</param>
public sealed record LockChange(string Kind, string Name, string? Before, string? After)
{
    /// <summary>As people read it.</summary>
    public override string ToString()
    {
        var what = Kind switch { "python" => Name, "apt" => "apt: " + Name, _ => $"{Kind} {Name}" };
        return Before is null ? $"+ {what} {After}" : After is null ? $"- {what} {Before}" : $"~ {what} {Before} → {After}";
    }
}

/// <summary>Resolves what a project declares loosely, in the project's own base and by the tools that will install it.</summary>
public sealed class EnvironmentLocker(IBuildReporter reporter)
{
    /// <summary>Makes the lock anew where it does not cover the project, or where something may move, and keeps the rest.</summary>
    /// <exception cref="EnvdException">Something cannot be resolved.</exception>
    public async Task<LockOutcome> ResolveAsync(BuildRequest request, LockOptions options, CancellationToken cancellationToken)
    {
        var run = SpecFile.ReadRun(await File.ReadAllBytesAsync(request.State.Run, cancellationToken));
        var spec = SpecFile.ReadEnvironment(await File.ReadAllBytesAsync(request.State.Spec, cancellationToken)) with { Locks = [] };
        var files = LockFiles.Of(request.ProjectFile, run.Variant);
        var held = files.Read();
        var foreign = files.ReadForeign();
        var failure = new FailureExplainer(request.ProjectFile, PositionFiles.Read(request.State.Positions), spec);
        return await EngineConnection.UseAsync(request.Engine, async () =>
        {
            using var client = new BuildKitClient(EngineConnection.AddressOf(request.Engine));
            var engine = await client.GetEngineAsync(cancellationToken);
            var locks = new List<EnvironmentLock>();
            var warnings = new List<Diagnostic>();
            foreach (var platform in spec.Platforms.Count > 0 ? spec.Platforms : [spec.Platform])
            {
                var work = new PlatformWork(spec with { Platform = platform }, run, request, held.FirstOrDefault(l => l.Platform == platform), options, foreign);
                locks.Add(await SolveAsync(client, engine.CanMerge, work, failure, warnings, cancellationToken));
            }
            // Platforms that the project no longer names are gone; those of another machine that share the files are kept.
            locks.AddRange(held.Where(h => spec.Platforms.Count == 0 && h.Platform != spec.Platform && !options.UpgradeAll));
            return new LockOutcome(files, locks, Describe(held, locks), warnings);
        });
    }

    private async Task<EnvironmentLock> SolveAsync(BuildKitClient client, bool merge, PlatformWork work, FailureExplainer failure, List<Diagnostic> warnings, CancellationToken cancellationToken)
    {
        var question = work.Ask(Planner.Plan(work.Spec, merge));
        var plan = Planner.PlanLock(work.Spec, merge, question);
        var origins = new Dictionary<string, string>();
        var answer = new EnvironmentLock { Platform = work.Spec.Platform };
        var transfers = new BuildTransfers(work.Request, work.Spec, work.Run);
        try
        {
            await client.BuildAsync(async (gateway, ct) =>
            {
                var image = await PinnedSources.ResolveBaseAsync(gateway, work.Spec, Platform.Parse(work.Spec.Platform), failure, ct);
                var images = new List<LockedImage>();
                foreach (var (reference, platform) in work.Images(plan.Graph))
                    images.Add(work.Held?.Images.FirstOrDefault(i => i.Reference == reference && i.Platform == platform && !work.MayMove(reference))
                        ?? new LockedImage(reference, (await gateway.ResolveImageAsync(reference, Platform.Parse(platform.Length > 0 ? platform : work.Spec.Platform), ct)).Digest, platform));
                var lowered = GraphLowering.Lower(plan.Graph, ImageConfiguration.EnvironmentOf(image.Configuration.Span), ImageBuilder.ContextKeys(work.Request, work.Run),
                    transfers.Proxy, plan.Answers);
                foreach (var (digest, origin) in lowered.Origins)
                    origins[digest] = origin;
                SourceMap.Attach(lowered.Definition, lowered.Origins, PositionFiles.Read(work.Request.State.Positions));
                var result = await gateway.SolveAsync(lowered.Definition, ct);
                answer = await ReadAsync(gateway, result, work, question, plan.Graph, warnings, ct) with { Images = [.. images.Where(i => i.Digest.Length > 0)] }; // an engine without the containerd image store tells no digest of an image of its own
                return new GatewayResult(result, new Dictionary<string, ReadOnlyMemory<byte>>());
            }, new SolveOptions { Session = transfers.Session([]), Entitlements = transfers.Entitlements, Progress = reporter.Progress }, cancellationToken);
        }
        catch (SolveException e)
        {
            throw failure.Explain(e, origins);
        }
        return answer;
    }

    private static async Task<EnvironmentLock> ReadAsync(Gateway gateway, GatewayReference result, PlatformWork work, LockRequest question, EnvironmentGraph graph, List<Diagnostic> warnings, CancellationToken cancellationToken)
    {
        var groups = new List<LockedAptGroup>();
        var sources = LockInputs.OfApt(work.Spec, work.Request.ContextDirectory);
        foreach (var step in work.AptSteps)
        {
            if (!question.AptSteps.Contains(step.Id))
            {
                groups.Add(work.Held!.Apt.First(g => g.Step == step.Id));
                continue;
            }
            var uris = Encoding.UTF8.GetString((await gateway.ReadFileAsync(result, $"/apt/{step.Id}/uris", cancellationToken)).Span);
            groups.Add(new LockedAptGroup(step.Id, step.Packages, sources, Resolution.ReadApt(uris)));
        }
        PythonLock? python = null;
        if (work.Spec.Python is not null)
        {
            var inputs = LockInputs.OfPython(work.Spec, work.Request.ContextDirectory);
            IReadOnlyList<LockedPackage> packages = [];
            if (question.Python)
            {
                var json = await gateway.ReadFileAsync(result, "/python/python.json", cancellationToken);
                (packages, var overlaps) = Resolution.ReadPython(json, work.Spec, work.Run, Path.GetDirectoryName(work.Request.ProjectFile)!, work.Request.ContextDirectory);
                warnings.AddRange(overlaps.Select(o => new Diagnostic(ErrorCodes.PathOverlap, o + ".", "The image has one of them; leave out one of the packages.", new SourcePosition(work.Request.ProjectFile, 0, 0), IsWarning: true)));
                CheckForeign(packages, work.Foreign);
            }
            else
                packages = work.Held!.Python!.Packages;
            python = new PythonLock { Inputs = inputs, Packages = packages, Large = WheelLayout.OrderLarge(packages, work.Options.Relayout ? [] : work.Held?.Python?.Large ?? []) };
        }
        var downloads = new List<LockedDownload>(work.KeptDownloads(graph));
        foreach (var (url, index) in question.Downloads.Select((u, i) => (u, i)))
            downloads.Add(new LockedDownload(url, "sha256:" + Encoding.UTF8.GetString((await gateway.ReadFileAsync(result, $"/downloads/{index}/sha256", cancellationToken)).Span)[..64]));
        var commits = new List<LockedGit>();
        foreach (var git in work.Repositories(graph))
            commits.Add(work.Held?.Git.FirstOrDefault(g => g.Remote == git.Remote && g.Reference == git.Reference && !work.MayMove(git.Remote)) ?? new LockedGit(git.Remote, git.Reference, await CommitAsync(gateway, git, cancellationToken)));
        return new EnvironmentLock
        {
            Platform = work.Spec.Platform,
            Apt = groups,
            Python = python,
            Downloads = [.. downloads.DistinctBy(d => d.Url).OrderBy(d => d.Url, StringComparer.Ordinal)],
            Git = [.. commits.OrderBy(g => g.Remote, StringComparer.Ordinal).ThenBy(g => g.Reference, StringComparer.Ordinal)],
        };
    }

    /// <summary>The engine's own checkout says which commit it is.</summary>
    private static async Task<string> CommitAsync(Gateway gateway, GitOperation git, CancellationToken cancellationToken)
    {
        var state = State.Git(git.Remote, new GitOptions
        {
            Reference = git.Reference,
            KeepGitDirectory = true,
            TokenSecret = git.TokenSecret.Length > 0 ? git.TokenSecret : null,
            SshAgent = git.SshAgent.Length > 0 ? git.SshAgent : null,
        }, new VertexOptions { Name = "the commit of " + git.Remote });
        var head = Encoding.UTF8.GetString((await gateway.ReadFileAsync(await gateway.SolveAsync(Marshaller.Marshal(state).Definition, cancellationToken), "/.git/HEAD", cancellationToken)).Span).Trim();
        return head.Length == 40 && head.All(char.IsAsciiHexDigitLower) ? head
            : throw new EnvdException(ErrorCodes.EngineRefused, $"The commit of '{git.Reference}' in {git.Remote} cannot be told: the checkout is at '{head}'.");
    }

    /// <summary>A lock of another tool pins the files, too.</summary>
    private static void CheckForeign(IReadOnlyList<LockedPackage> packages, IReadOnlyList<ForeignPackage> foreign)
    {
        foreach (var other in foreign)
            if (packages.FirstOrDefault(p => p.Name == other.Name && p.Version == other.Version) is { Sha256.Length: > 0 } package && other.Sha256.Count > 0 && !other.Sha256.Contains(package.Sha256))
                throw new EnvdException(ErrorCodes.ChecksumMismatch, $"{package.File} has the SHA-256 {package.Sha256}, which pylock.toml does not list for {package.Name} {package.Version}.", "The index has another file than the tool that made the lock saw; check the index.");
    }

    private static IReadOnlyList<LockChange> Describe(IReadOnlyList<EnvironmentLock> before, IReadOnlyList<EnvironmentLock> after)
    {
        var changes = new List<LockChange>();
        foreach (var now in after)
        {
            var old = before.FirstOrDefault(l => l.Platform == now.Platform);
            foreach (var kind in (string[])["python", "apt", "image", "git", "download"])
                changes.AddRange(Compare(kind, Held(old, kind), Held(now, kind)));
        }
        return [.. changes.Distinct()];
    }

    private static Dictionary<string, string> Held(EnvironmentLock? held, string kind) => kind switch
    {
        "python" => (held?.Python?.Packages ?? []).ToDictionary(p => p.Name, p => p.Version),
        "apt" => (held?.Apt ?? []).SelectMany(g => g.Debs).DistinctBy(d => d.Name).ToDictionary(d => d.Name, d => d.Version),
        "image" => (held?.Images ?? []).ToDictionary(i => $"{i.Reference} {i.Platform}".TrimEnd(), i => Short(i.Digest)),
        "git" => (held?.Git ?? []).ToDictionary(g => $"{g.Remote} {g.Reference}".TrimEnd(), g => g.Commit[..12]),
        _ => (held?.Downloads ?? []).ToDictionary(d => d.Url, d => Short(d.Checksum)),
    };

    private static string Short(string digest) => digest.Length > 19 ? digest[..19] : digest;

    private static IEnumerable<LockChange> Compare(string kind, Dictionary<string, string> before, Dictionary<string, string> after)
    {
        foreach (var (name, version) in after.OrderBy(p => p.Key, StringComparer.Ordinal))
            if (before.GetValueOrDefault(name) is var old && old != version)
                yield return new LockChange(kind, name, old, version);
        foreach (var (name, version) in before.Where(p => !after.ContainsKey(p.Key)).OrderBy(p => p.Key, StringComparer.Ordinal))
            yield return new LockChange(kind, name, version, null);
    }

    /// <summary>One platform: what was locked before, and what is to be asked.</summary>
    private sealed record PlatformWork(EnvironmentSpec Spec, RunSpec Run, BuildRequest Request, EnvironmentLock? Held, LockOptions Options, IReadOnlyList<ForeignPackage> Foreign)
    {
        public IReadOnlyList<LockableAptStep> AptSteps { get; } = Planner.LockableAptSteps(Spec);

        public bool MayMove(string name) => Options.UpgradeAll || Options.Upgrade.Contains(name, StringComparer.Ordinal);

        public LockRequest Ask(EnvironmentGraph graph)
        {
            var names = Options.Upgrade.Select(Names.NormalizePython).ToHashSet(StringComparer.Ordinal);
            var python = Spec.Python is not null && (Options.UpgradeAll || Held?.Python is not { } locked
                || !LockInputs.OfPython(Spec, Request.ContextDirectory).SequenceEqual(locked.Inputs) || locked.Packages.Any(p => names.Contains(p.Name)));
            var sources = LockInputs.OfApt(Spec, Request.ContextDirectory);
            var steps = AptSteps.Where(s => Options.UpgradeAll || Held?.Apt.FirstOrDefault(g => g.Step == s.Id) is not { } group
                || !group.Packages.SequenceEqual(s.Packages) || !group.Sources.SequenceEqual(sources) || group.Debs.Any(d => Options.Upgrade.Contains(d.Name))).Select(s => s.Id).ToHashSet(StringComparer.Ordinal);
            var known = Options.UpgradeAll ? [] : Held?.Downloads ?? [];
            return new LockRequest
            {
                Python = python,
                PythonPins = Options.UpgradeAll ? [] : Foreign.Count > 0 && Held?.Python is null ? [.. Foreign.Where(p => p.Version.Length > 0).Select(p => $"{p.Name}=={p.Version}")]
                    : [.. (Held?.Python?.Packages ?? []).Where(p => p.Kind == "wheel" && !names.Contains(p.Name)).Select(p => $"{p.Name}=={p.Version}")],
                AptSteps = steps,
                KeptDebs = Options.UpgradeAll ? [] : [.. (Held?.Apt ?? []).SelectMany(g => g.Debs).DistinctBy(d => d.Name).Where(d => !Options.Upgrade.Contains(d.Name)).Select(d => $"{d.Name} {d.Version}")],
                Downloads = [.. graph.Nodes.Select(n => n.Operation).OfType<DownloadOperation>().Where(d => d.Checksum.Length == 0).Select(d => d.Url).Distinct(StringComparer.Ordinal).Where(u => known.All(k => k.Url != u) || MayMove(u))],
            };
        }

        public IEnumerable<LockedDownload> KeptDownloads(EnvironmentGraph graph) => Options.UpgradeAll ? []
            : (Held?.Downloads ?? []).Where(k => !MayMove(k.Url) && graph.Nodes.Any(n => n.Operation is DownloadOperation { Checksum: "" } d && d.Url == k.Url));

        public IEnumerable<(string Reference, string Platform)> Images(EnvironmentGraph graph) =>
            graph.Nodes.Select(n => n.Operation).OfType<ImageOperation>().Where(i => !i.Reference.Contains('@', StringComparison.Ordinal)).Select(i => (i.Reference, i.Platform)).Distinct().OrderBy(i => i.Reference, StringComparer.Ordinal);

        public IEnumerable<GitOperation> Repositories(EnvironmentGraph graph) =>
            graph.Nodes.Select(n => n.Operation).OfType<GitOperation>().Where(g => !(g.Reference.Length == 40 && g.Reference.All(char.IsAsciiHexDigit))).DistinctBy(g => (g.Remote, g.Reference));
    }
}
