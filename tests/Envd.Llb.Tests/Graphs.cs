using FsCheck;
using FsCheck.Fluent;

namespace Envd.Llb.Tests;

/// <summary>Random graphs of states: every kind of vertex, shared inputs, awkward texts.</summary>
internal static class Graphs
{
    private static readonly SourceFile ProjectFile = new("env.csproj", "<Project />"u8.ToArray(), "XML");
    private static readonly Platform Amd64 = new("linux", "amd64");

    public static Gen<string> Text { get; } = Gen.OneOf(
        Gen.Elements("a", "/usr/bin", "näme", "with space", "quote\"'", "$(x)`y`", "line\nbreak", "-dash", "日本語", "\u0001"),
        ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => Clean(s.Get)));

    public static Gen<VertexOptions> Options { get; } =
        from name in Text
        from description in Gen.ListOf(Gen.Zip(Text, Text), 2)
        from ignore in Gen.Elements(true, false)
        from export in Gen.Elements<bool?>(true, false, null)
        from grouped in Gen.Elements(true, false)
        from line in Gen.Choose(1, 100)
        select new VertexOptions
        {
            Name = name,
            Description = description.DistinctBy(d => d.Item1).ToDictionary(d => d.Item1, d => d.Item2),
            IgnoreCache = ignore,
            ExportCache = export,
            Group = grouped ? new ProgressGroup("g" + name, name) : null,
            Locations = ignore ? [new SourceLocation(ProjectFile, line, line + 1)] : [],
        };

    /// <summary>A state upon up to <paramref name="size"/> others, which it may share.</summary>
    public static Gen<State> Of(int size) => Grow([State.Scratch], Math.Max(1, size));

    public static Arbitrary<State> Arbitrary { get; } = Gen.Sized(Of).ToArbitrary();

    private static Gen<State> Grow(IReadOnlyList<State> states, int left) =>
        left == 0 ? Gen.Constant(states[^1]) : Next(states).SelectMany(next => Grow([.. states, next], left - 1));

    private static Gen<State> Next(IReadOnlyList<State> states)
    {
        var any = Gen.Elements<State>(states);
        return Gen.OneOf(Source(), Exec(any), Files(any), Merge(any), Diff(any));
    }

    private static Gen<State> Source() =>
        from text in Text
        from patterns in Gen.ListOf(Text, 3)
        from options in Options
        from kind in Gen.Choose(0, 4)
        select kind switch
        {
            0 => State.Image("docker.io/library/" + text, Amd64, options, new ImageOptions { ResolveMode = ImageResolveMode.Local, LayerLimit = patterns.Count }),
            1 => State.Local(text, new LocalOptions { IncludePatterns = [.. patterns], FollowPaths = [.. patterns], SharedKeyHint = text, UniqueId = text }, options),
            2 => State.Http("https://localhost/" + text, "sha256:" + new string('0', 64), text, patterns.Count, options, new HttpOptions { Owner = new FileOwner(1, 2) }),
            3 => State.Git("git@localhost:" + "repo.git", new GitOptions { Reference = text, Subdirectory = text, KeepGitDirectory = true, KnownHosts = text }, options),
            _ => State.OciLayout($"x@sha256:{new string('1', 64)}", new OciLayoutOptions { Store = text }, Amd64, options),
        };

    private static Gen<State> Exec(Gen<State> any) =>
        from root in any
        from mounted in any
        from texts in Gen.ListOf(Text, 4)
        from options in Options
        from network in Gen.Elements(NetworkMode.Default, NetworkMode.Host, NetworkMode.None)
        from writable in Gen.Elements(true, false)
        let exec = new ExecOptions
        {
            Arguments = ["/bin/sh", .. texts],
            Environment = [.. texts.Select((t, i) => KeyValuePair.Create("V" + i, t))],
            SecretEnvironment = [new SecretVariable("S", "s", true)],
            WorkingDirectory = "/w",
            User = "1:2",
            HostName = "h",
            ExtraHosts = [new ExtraHost("h", "10.0.0.1")],
            Proxy = writable ? new ProxyEnvironment(Http: "http://p") : null,
            Ulimits = [new Ulimit("nofile", 10, 20)],
            CgroupParent = writable ? "/c" : "",
            ValidExitCodes = [0, 3],
            Network = network,
            Security = writable ? SecurityMode.Insecure : SecurityMode.Sandbox,
            Platform = writable ? Amd64 : null,
            Mounts =
            [
                new BindMount("/bind", mounted, texts.FirstOrDefault("")) { Writable = writable }, new CacheMount("/cache", "id", CacheSharing.Locked) { Source = mounted },
                new TmpfsMount("/tmp", 10), new SecretMount("/secret", "s") { User = 1, Optional = true }, new SshMount("/ssh") { Group = 3 },
            ],
        }
        let result = root.Execute(exec, options)
        select writable ? result.Mount("/bind") : result.Root;

    private static Gen<State> Files(Gen<State> any) =>
        from root in any
        from source in any
        from text in Text
        from options in Options
        select root.File(
        [
            new MakeDirectoryAction("/d", 0x1ED) { MakeParents = false },
            new MakeFileAction("/f" + text, System.Text.Encoding.UTF8.GetBytes(text), 0x1A4) { Owner = new FileOwner(1, 2) { UserName = text }, Timestamp = 5 },
            new CopyAction(source, "/" + text, "/to/") { FollowLinks = true, Unpack = true, AllowWildcard = true, IncludePatterns = [text], ExcludePatterns = [text], Mode = 0x1FF },
            new LinkAction(text, "/l"),
            new RemoveAction("/d") { AllowWildcard = false },
        ], options);

    private static Gen<State> Merge(Gen<State> any) =>
        from inputs in Gen.ListOf(any, 4)
        from options in Options
        select State.Merge(inputs, options);

    private static Gen<State> Diff(Gen<State> any) =>
        from lower in any
        from upper in any
        from options in Options
        select State.Diff(lower, upper, options);

    // protobuf's strings are UTF-8: half a surrogate pair is none.
    private static string Clean(string text) => new([.. text.Where(c => !char.IsSurrogate(c) && c != '\0')]);
}
