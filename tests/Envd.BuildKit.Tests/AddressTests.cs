using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envd.BuildKit.Client;
using Envd.BuildKit.Progress;
using Envd.BuildKit.Session;
using Envd.BuildKit.Transport;
using Envd.Llb;

namespace Envd.BuildKit.Tests;

/// <summary>Every kind of address, from its text to a build through it.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class AddressTests : EngineTest
{
    [TestMethod]
    [DataRow("docker-container://builder", "docker exec -i builder buildctl dial-stdio")]
    [DataRow("docker-container://Builder_1?context=far", "docker --context=far exec -i Builder_1 buildctl dial-stdio")]
    [DataRow("podman-container://builder", "podman exec -i builder buildctl dial-stdio")]
    [DataRow("nerdctl-container://builder?namespace=k8s.io", "nerdctl --namespace=k8s.io exec -i builder buildctl dial-stdio")]
    [DataRow("kube-pod://buildkitd-0?namespace=ci&container=main&context=far", "kubectl --context=far --namespace=ci exec -i buildkitd-0 --container=main -- buildctl dial-stdio")]
    [DataRow("ssh://me@host:2222", "ssh -o ConnectTimeout=30 -T -l me -p 2222 -- host docker system dial-stdio")]
    [DataRow("ssh://host/run/user/1000/docker.sock", "ssh -o ConnectTimeout=30 -T -- host docker --host 'unix:///run/user/1000/docker.sock' system dial-stdio")]
    public void Command_OfAnAddress(string address, string expected)
    {
        var command = ConnectionCommand.For(EngineAddress.Parse(EngineKind.Docker, address))!;
        Assert.AreEqual(expected, string.Join(' ', command.Arguments.Prepend(command.Program)));
    }

    [TestMethod]
    public void Command_APathForTheFarShell_IsQuoted()
    {
        var command = ConnectionCommand.For(EngineAddress.Parse(EngineKind.BuildKit, "ssh://host/a';%20touch%20x"))!;
        Assert.AreEqual("'unix:///a'\\''; touch x'", command.Arguments[^2]);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("/var/run/docker.sock")]
    [DataRow("http://localhost:2375")]
    [DataRow("tcp://localhost")]
    [DataRow("unix://")]
    [DataRow("ssh://-oProxyCommand=x")]
    [DataRow("ssh://-oProxyCommand=x@host")]
    [DataRow("docker-container://")]
    [DataRow("docker-container://-it")]
    public void Parse_WhatIsNoAddress_IsRefused(string address) =>
        Assert.ThrowsExactly<FormatException>(() => EngineAddress.Parse(EngineKind.Docker, address));

    [TestMethod]
    public void FromEnvironment_ReadsWhatTheDockerCommandReads()
    {
        using var folder = new TemporaryFolder();
        var hash = Convert.ToHexStringLower(SHA256.HashData("far"u8));
        folder.Write($"contexts/meta/{hash}/meta.json", """{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}""");
        folder.Write($"contexts/tls/{hash}/docker/ca.pem", "x");
        folder.Write($"contexts/tls/{hash}/docker/cert.pem", "x");
        folder.Write($"contexts/tls/{hash}/docker/key.pem", "x");

        Assert.AreEqual("unix:///var/run/docker.sock", From().ToString());
        var named = From(("DOCKER_CONTEXT", "far"));
        Assert.AreEqual("tcp://far:2376", named.ToString());
        Assert.AreEqual(folder[$"contexts/tls/{hash}/docker/key.pem"], named.Tls!.KeyFile);
        Assert.AreEqual("tcp://host:2375", From(("DOCKER_CONTEXT", "far"), ("DOCKER_HOST", "tcp://host:2375")).ToString());
        Assert.IsNull(From(("DOCKER_HOST", "tcp://host:2375")).Tls);
        Assert.IsNull(From(("DOCKER_HOST", "unix:///x.sock"), ("DOCKER_TLS_VERIFY", "1")).Tls);
        var verified = From(("DOCKER_HOST", "tcp://host:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", folder[$"contexts/tls/{hash}/docker"]));
        Assert.AreEqual(folder[$"contexts/tls/{hash}/docker/ca.pem"], verified.Tls!.AuthorityFile);
        Assert.IsTrue(From(("DOCKER_HOST", "tcp://host:2376"), ("DOCKER_TLS", "1")).Tls!.SkipVerify);
        Assert.AreEqual(EngineKind.BuildKit, From(("BUILDKIT_HOST", "tcp://b:1234"), ("DOCKER_HOST", "tcp://host:2376")).Kind);
        Assert.AreEqual(EngineKind.BuildKit, From(("BUILDKIT_HOST", "docker-container://b")).Kind);
        folder.Write("config.json", """{"currentContext":"far"}""");
        Assert.AreEqual("tcp://far:2376", From().ToString());
        StringAssert.Contains(Assert.ThrowsExactly<BuildKitException>(() => From(("DOCKER_CONTEXT", "none"))).Message, "'none'");

        EngineAddress From(params (string Name, string Value)[] variables) =>
            EngineAddress.FromEnvironment(n => n == "DOCKER_CONFIG" ? folder.Path : variables.FirstOrDefault(v => v.Name == n).Value);
    }

    [TestMethod]
    public async Task Buildkitd_OverAUnixSocket()
    {
        using var folder = new TemporaryFolder();
        using var bridge = GrpcBridge.OnSocket(TestEngine.Address(TestEngine.Containerd), folder["buildkitd.sock"]);
        await BuildThroughAsync(EngineAddress.Parse(EngineKind.BuildKit, bridge.Address));
    }

    [TestMethod]
    public async Task Buildkitd_OverANamedPipe()
    {
        // On Unix .NET's named pipes are unix sockets, and a name that is a path is that socket's.
        using var folder = new TemporaryFolder();
        using var bridge = GrpcBridge.OnSocket(TestEngine.Address(TestEngine.Containerd), folder["pipe"]);
        await BuildThroughAsync(EngineAddress.Parse(EngineKind.BuildKit, "npipe://" + folder["pipe"]));
        Assert.AreEqual("docker_engine", EngineAddress.Parse(EngineKind.Docker, "npipe:////./pipe/docker_engine").PipeName);
    }

    [TestMethod]
    public async Task Buildkitd_BehindACommand()
    {
        // Stands in for `docker exec` into a container that runs buildkitd: the same words, and what they would lead to.
        using var folder = new TemporaryFolder("it's a folder");
        using var bridge = GrpcBridge.OnSocket(TestEngine.Address(TestEngine.Containerd), folder["../buildkitd.sock"]);
        using var path = new CommandOnPath("podman", $$"""
            [ "$*" = "exec -i builder buildctl dial-stdio" ] || { echo "unexpected: $*" >&2; exit 64; }
            exec perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Peer => shift) or die $!; $| = 1;
              if (!fork) { while (sysread(STDIN, my $b, 65536)) { syswrite($s, $b) } $s->shutdown(1); exit }
              while (sysread($s, my $b, 65536)) { syswrite(STDOUT, $b) }' '{{folder.Path.Replace("it's a folder", "buildkitd.sock", StringComparison.Ordinal)}}'
            """);
        await BuildThroughAsync(EngineAddress.Parse(EngineKind.BuildKit, "podman-container://builder"));
    }

    [TestMethod]
    public async Task Command_ThatFails_SaysWhatItSaid()
    {
        using var path = new CommandOnPath("podman", "echo 'Error: no container with name \"gone\" found' >&2; exit 125");
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.BuildKit, "podman-container://gone"));
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => client.GetEngineAsync(Token));
        StringAssert.Contains(e.Message, "no container with name");
    }

    [TestMethod]
    public async Task Command_ThatIsNotInstalled_IsNamed()
    {
        using var client = new BuildKitClient(EngineAddress.Parse(EngineKind.BuildKit, "nerdctl-container://x"));
        var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => client.GetEngineAsync(Token));
        StringAssert.Contains(e.Message, "'nerdctl' cannot be run");
    }

    [TestMethod]
    public async Task Tls_BothSidesShowCertificates()
    {
        using var folder = new TemporaryFolder();
        using var authority = Authority(folder, "ca");
        using var server = Issue(folder, authority, "server", "localhost");
        using var own = Issue(folder, authority, "own", "client");
        using var bridge = GrpcBridge.OnTls(TestEngine.Address(TestEngine.Containerd), server, authority);
        var tls = new TlsOptions { AuthorityFile = folder["ca.pem"], CertificateFile = folder["own.pem"], KeyFile = folder["own-key.pem"] };
        var address = EngineAddress.Parse(EngineKind.BuildKit, bridge.Address);
        await BuildThroughAsync(address with { Tls = tls });
        await BuildThroughAsync(address with { Tls = tls with { AuthorityFile = null, SkipVerify = true } });

        using var stranger = Authority(folder, "other");
        await RefusedAsync(tls with { AuthorityFile = folder["other.pem"] }, "certificate");
        await RefusedAsync(tls with { ServerName = "elsewhere" }, "certificate");
        await RefusedAsync(tls with { CertificateFile = null, KeyFile = null }, "localhost");
        using var client = new BuildKitClient(address with { Tls = tls with { KeyFile = folder["none.pem"] } });
        StringAssert.Contains((await Assert.ThrowsExactlyAsync<BuildKitException>(() => client.GetEngineAsync(Token))).Message, "none.pem");

        async Task RefusedAsync(TlsOptions options, string text)
        {
            using var refused = new BuildKitClient(address with { Tls = options });
            var e = await Assert.ThrowsExactlyAsync<EngineUnavailableException>(() => refused.GetEngineAsync(Token));
            StringAssert.Contains(e.Message, text);
        }
    }

    /// <summary>A build with a folder, an export and a failing step: all that a connection has to carry.</summary>
    private async Task BuildThroughAsync(EngineAddress address)
    {
        using var folder = new TemporaryFolder();
        folder.Write("in/f", Guid.NewGuid().ToString("N"));
        using var client = new BuildKitClient(address);
        Assert.IsTrue((await client.GetEngineAsync(Token)).CanMerge);
        var lines = new List<string>();
        var state = Base.Run(Shell("cat /in/f > /f; echo ran", new BindMount("/in", State.Local("c", new LocalOptions { SharedKeyHint = folder.Path }))));
        await client.SolveAsync(Marshaller.Marshal(State.Scratch.File([new CopyAction(state, "/f", "/f")])).Definition, new SolveOptions
        {
            Exporters = [new ExporterOptions("local")],
            Session = new SessionOptions
            {
                Folders = new Dictionary<string, LocalFolder> { ["c"] = new(folder["in"], []) },
                Exports = [new FolderExportTarget(folder["out"])],
            },
            Progress = e => { if (e.Kind == ProgressKind.Log) lines.Add(e.Text!); },
        }, Token);
        Equal(["ran"], lines);
        Assert.AreEqual(File.ReadAllText(folder["in/f"]), File.ReadAllText(folder["out/f"]));
    }

    private static X509Certificate2 Authority(TemporaryFolder folder, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        folder.Write(name + ".pem", certificate.ExportCertificatePem());
        return certificate;
    }

    private static X509Certificate2 Issue(TemporaryFolder folder, X509Certificate2 authority, string file, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), Guid.NewGuid().ToByteArray());
        folder.Write(file + ".pem", issued.ExportCertificatePem());
        folder.Write(file + "-key.pem", key.ExportPkcs8PrivateKeyPem());
        return X509CertificateLoader.LoadPkcs12(issued.CopyWithPrivateKey(key).Export(X509ContentType.Pfx), null);
    }

    /// <summary>A command that this process, and no other, finds first.</summary>
    private sealed class CommandOnPath : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly string? _path = Environment.GetEnvironmentVariable("PATH");

        public CommandOnPath(string name, string script)
        {
            File.SetUnixFileMode(_folder.Write(name, "#!/bin/sh\n" + script + "\n"), (UnixFileMode)0x1ED);
            Environment.SetEnvironmentVariable("PATH", _folder.Path + ":" + _path);
        }

        public void Dispose()
        {
            Environment.SetEnvironmentVariable("PATH", _path);
            _folder.Dispose();
        }
    }
}
