using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Envd.BuildKit.Client;
using Envd.BuildKit.Session;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>A real registry, with and without a password, for images and for caches.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class RegistryTests
{
    private static readonly Platform Amd64 = new("linux", "amd64");

    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    private static State Unique => State.Scratch.File([new MakeFileAction("/f", Guid.NewGuid().ToByteArray(), 0x1A4)]);

    [TestMethod]
    public async Task Push_ToARegistryWithPassword_TakesTheSessionsLogin()
    {
        using var registry = TestRegistry.WithPassword();
        using var client = TestEngine.Client(TestEngine.Containerd);
        var definition = Marshaller.Marshal(Unique).Definition;
        var push = Push($"{registry.Host}/team/image:1");

        var refused = await Assert.ThrowsExactlyAsync<SolveException>(() => client.SolveAsync(definition, push with { Session = As("wrong") }, Token));
        StringAssert.Contains(refused.Message, "401");

        await client.SolveAsync(definition, push with { Session = As(TestRegistry.Password) }, Token);
        Assert.IsTrue(registry.Has("team/image", "1"));
    }

    [TestMethod]
    public async Task Pull_FromARegistryWithPassword_TakesTheSessionsLogin()
    {
        using var registry = TestRegistry.WithPassword();
        using var client = TestEngine.Client(TestEngine.Containerd);
        using var export = new TemporaryFolder();
        var name = $"{registry.Host}/team/pulled:1";
        var pushed = await client.SolveAsync(Marshaller.Marshal(Unique).Definition, Push(name) with { Session = As(TestRegistry.Password) }, Token);

        var image = State.Image($"{name}@{pushed.Exporter["containerimage.digest"]}", Amd64, image: new ImageOptions { ResolveMode = ImageResolveMode.Pull });
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(image, "/f", "/copy")])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("local")],
            Session = As(TestRegistry.Password) with { Exports = [new FolderExportTarget(export.Path)] },
        }, Token);
        Assert.HasCount(16, File.ReadAllBytes(export["copy"]));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Push_ToARegistryWithTokens_GoesThroughTheTokenServer(bool identityToken)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=envd", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var asked = new List<string>();
        using var server = new FileServer(http =>
        {
            // Docker's token protocol: a GET with the login, or a POST with an identity token as OAuth's refresh token.
            using var reader = new StreamReader(http.InputStream);
            var form = reader.ReadToEnd();
            asked.Add($"{http.HttpMethod} {http.Headers["Authorization"]} {form}");
            var allowed = http.Headers["Authorization"] == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("envd:secret")) || form.Contains("refresh_token=identity", StringComparison.Ordinal);
            return allowed ? (200, Encoding.UTF8.GetBytes($$"""{"access_token":"{{SignedToken(key, certificate)}}","token":"{{SignedToken(key, certificate)}}"}""")) : (401, "{}"u8.ToArray());
        });
        using var registry = TestRegistry.WithTokens(server.Address + "/token", certificate.ExportCertificatePem());
        using var client = TestEngine.Client(TestEngine.Containerd);
        var login = identityToken ? new RegistryLogin("", "identity") : new RegistryLogin("envd", "secret");
        await client.SolveAsync(Marshaller.Marshal(Unique).Definition, Push($"{registry.Host}/team/image:1") with
        {
            Session = new SessionOptions { Credentials = new Login(login) },
        }, Token);
        Assert.IsTrue(registry.Has("team/image", "1"));
        Assert.IsTrue(asked.Any(a => a.StartsWith(identityToken ? "POST" : "GET", StringComparison.Ordinal)), string.Join("; ", asked));
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Cache_InARegistry_OnACleanedEngine_NothingRuns(string engine)
    {
        using var registry = TestRegistry.Open();
        var cache = CacheOptions.Registry($"{registry.Host}/team/cache:main");
        await BuildTwiceAsync(engine, new SolveOptions { CacheExports = [cache] }, new SolveOptions { CacheImports = [cache] });
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Cache_InAFolder_OnACleanedEngine_NothingRuns(string engine)
    {
        using var folder = new TemporaryFolder();
        var cache = CacheOptions.Local(folder["cache"]);
        // The first build names a cache that is not there yet, as a pipeline's first run does.
        await BuildTwiceAsync(engine, new SolveOptions { CacheImports = [cache], CacheExports = [cache] }, new SolveOptions { CacheImports = [cache] });
        Assert.IsFalse(Directory.EnumerateFiles(folder.Path, ".ingest*", SearchOption.AllDirectories).Any());
    }

    [TestMethod]
    [DynamicData(nameof(TestEngine.Merging), typeof(TestEngine))]
    public async Task Cache_InsideAnImage_OnACleanedEngine_NothingRuns(string engine)
    {
        using var registry = TestRegistry.Open();
        var name = $"{registry.Host}/team/inline:1";
        await BuildTwiceAsync(engine, Push(name) with { CacheExports = [CacheOptions.Inline()] }, new SolveOptions { CacheImports = [CacheOptions.Registry(name)] });
    }

    private async Task BuildTwiceAsync(string engine, SolveOptions first, SolveOptions second)
    {
        using var client = TestEngine.Client(engine);
        var state = State.Image(TestEngine.BaseImage, Amd64).Run(new ExecOptions { Arguments = ["/bin/sh", "-c", $"echo {Guid.NewGuid():N} > /made"] }, new VertexOptions { Name = "run it" });
        var definition = Marshaller.Marshal(state).Definition;
        var before = (await client.GetDiskUsageAsync(Token)).Select(r => r.Id).ToHashSet();
        var built = await client.SolveAsync(definition, first, Token);
        Assert.IsFalse(built.Vertices.Single(v => v.Name == "run it").Cached);
        if (first.Exporters.Count > 0)
            await Commands.RunAsync("curl", ["-sf", "-X", "DELETE", "--unix-socket", TestEngine.Address(engine)["unix://".Length..],
                $"http://engine/images/{first.Exporters[0].Attributes["name"]}?force=1"], "/", new Dictionary<string, string?>(), Token);

        // Cleaned of just this build: the engine serves other tests too.
        foreach (var record in (await client.GetDiskUsageAsync(Token)).Where(r => !before.Contains(r.Id)))
            await client.PruneAsync(new PruneOptions { All = true, Filters = [$"id=={record.Id}"] }, Token);
        var without = await client.SolveAsync(definition, new SolveOptions { CacheImports = [] }, new CancellationToken());
        Assert.IsFalse(without.Vertices.Single(v => v.Name == "run it").Cached, "the engine was not cleaned");
        foreach (var record in (await client.GetDiskUsageAsync(Token)).Where(r => !before.Contains(r.Id)))
            await client.PruneAsync(new PruneOptions { All = true, Filters = [$"id=={record.Id}"] }, Token);

        var again = await client.SolveAsync(definition, second, Token);
        Assert.IsTrue(again.Vertices.Single(v => v.Name == "run it").Cached);
    }

    private static SolveOptions Push(string name) => new()
    {
        Exporters = [new ExporterOptions("image", new Dictionary<string, string> { ["name"] = name, ["push"] = "true" })],
    };

    private static SessionOptions As(string password) => new() { Credentials = new Login(new RegistryLogin("envd", password)) };

    private static string SignedToken(RSA key, X509Certificate2 certificate)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var head = JsonSerializer.Serialize(new { typ = "JWT", alg = "RS256", x5c = new[] { Convert.ToBase64String(certificate.RawData) } });
        var body = JsonSerializer.Serialize(new
        {
            iss = "envd",
            sub = "envd",
            aud = "envd",
            exp = now + 300,
            nbf = now - 10,
            iat = now,
            jti = Guid.NewGuid().ToString(),
            access = new[] { new { type = "repository", name = "team/image", actions = new[] { "pull", "push" } } },
        });
        var text = Encode(Encoding.UTF8.GetBytes(head)) + "." + Encode(Encoding.UTF8.GetBytes(body));
        return text + "." + Encode(key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

        static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private sealed class Login(RegistryLogin login) : IRegistryCredentials
    {
        public Task<RegistryLogin?> FindAsync(string host, CancellationToken cancellationToken) => Task.FromResult<RegistryLogin?>(login);
    }
}
