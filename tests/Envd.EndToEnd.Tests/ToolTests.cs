using System.Security.Cryptography;
using System.Text;
using static Envd.EndToEnd.Tests.TestFiles;

namespace Envd.EndToEnd.Tests;

/// <summary>Languages and package managers: the real ones where a registry can be reached, programs that stand in for their downloads where none can.</summary>
[TestClass]
[TestCategory("Engine")]
public sealed class ToolTests
{
    public TestContext TestContext { get; set; } = null!;

    private CancellationToken Token => TestContext.CancellationTokenSource.Token;

    /// <summary>A project with Python in it, for stand-ins that need an interpreter.</summary>
    private static void WriteBase(TestProject project) => project.WriteFile("shared/shared.csproj", $"""
        <Project Sdk="Envd.Sdk/{TestProject.Version}">
          <PropertyGroup><ContainerBaseImage>debian:trixie</ContainerBaseImage></PropertyGroup>
          <ItemGroup><AptPackage Include="python3;python3-venv" /></ItemGroup>
        </Project>
        """);

    /// <summary>Serves stand-ins by the end of their address, with a file of checksums beside each.</summary>
    private static FileServer Publisher(Dictionary<string, byte[]> files) => new(request =>
    {
        var path = request.Url!.AbsolutePath;
        if (files.FirstOrDefault(f => path.EndsWith(f.Key, StringComparison.Ordinal)) is { Value: { } body })
            return (200, body);
        var sums = files.Select(f => $"{Convert.ToHexStringLower(SHA256.HashData(f.Value))}  {f.Key.TrimStart('/')}\n").ToList();
        if (path.EndsWith("SHASUMS256.txt", StringComparison.Ordinal) || path.Contains("/checksums/", StringComparison.Ordinal))
            return (200, Encoding.ASCII.GetBytes(string.Concat(sums)));
        var of = files.FirstOrDefault(f => path.EndsWith(f.Key + ".sha256", StringComparison.Ordinal) || path.EndsWith(f.Key + ".sha512", StringComparison.Ordinal));
        return of.Value is null ? (404, [])
            : (200, Encoding.ASCII.GetBytes(path.EndsWith("512", StringComparison.Ordinal) ? Convert.ToHexStringLower(SHA512.HashData(of.Value)) : Convert.ToHexStringLower(SHA256.HashData(of.Value)) + "\n"));
    });

    private static string Hosts(FileServer publisher) => string.Concat(
        new[] { "github.com", "dl.google.com", "nodejs.org", "builds.dotnet.microsoft.com", "julialang-s3.julialang.org", "static.rust-lang.org" }
            .Select(h => $"""<Mirror Include="{h}" Url="{publisher.Address}/{h}" />"""));

    [TestMethod]
    [DataRow(TestEngine.Containerd)]
    [DataRow(TestEngine.Graphdriver)]
    public async Task Languages_OfTheirPublishers_AreCheckedUnpackedAndOnPath(string store)
    {
        var files = new Dictionary<string, byte[]>
        {
            ["/uv-x86_64-unknown-linux-gnu.tar.gz"] = Archive("uv-x86_64-unknown-linux-gnu/uv", """
                #!/bin/sh
                [ "$1 $2 $3 $4" = "python install --no-bin 3.13" ] || exit 5
                mkdir -p "$UV_PYTHON_INSTALL_DIR/cpython-3.13/bin"
                ln -s /usr/bin/python3 "$UV_PYTHON_INSTALL_DIR/cpython-3.13/bin/python3"
                """),
            ["/go1.25.3.linux-amd64.tar.gz"] = Archive("go/bin/go", "#!/bin/sh\necho go of its publisher $GOPROXY\n"),
            ["/node-v22.11.0-linux-x64.tar.gz"] = Archive("node-v22.11.0-linux-x64/bin/node", "#!/bin/sh\necho node of its publisher\n"),
            ["/dotnet-sdk-10.0.100-linux-x64.tar.gz"] = Archive("dotnet", "#!/bin/sh\necho dotnet of its publisher in $DOTNET_ROOT\n"),
            ["/julia-1.10.10-linux-x86_64.tar.gz"] = Archive("julia-1.10.10/bin/julia", """
                #!/bin/sh
                if [ "$1" = --startup-file=no ]; then shift 3; mkdir -p "$JULIA_DEPOT_PATH/packages"; echo "$@ from $JULIA_PKG_SERVER" > "$JULIA_DEPOT_PATH/packages/asked"; exit; fi
                echo julia of its publisher
                """),
            ["/rustup-init"] = Encoding.UTF8.GetBytes("""
                #!/bin/sh
                mkdir -p "$CARGO_HOME/bin"
                printf '#!/bin/sh\necho rust %s from %s\n' "$7" "$RUSTUP_DIST_SERVER" > "$CARGO_HOME/bin/rustc"
                chmod 0755 "$CARGO_HOME/bin/rustc"
                """),
            ["/starship-x86_64-unknown-linux-musl.tar.gz"] = Archive("starship", "#!/bin/sh\necho starship\n"),
        };
        using var publisher = Publisher(files);
        using var project = new TestProject(store);
        WriteBase(project);
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <ProjectReference Include="shared/shared.csproj" Stage="base" />
              <Language Include="python" Manager="uv" Version="3.13" />
              <Language Include="go" Version="1.25.3" />
              <Language Include="nodejs" Version="22.11.0" />
              <Language Include="dotnet" Version="10.0.100" />
              <Language Include="rust" Version="1.90.0" />
              <JuliaPackage Include="Plots" Version="1.40.0" />
              {Hosts(publisher)}
              <Mirror Include="julia" Url="https://julia.example/pkg" />
              <Mirror Include="go" Url="https://go.example" />
              <PythonPackage Include="six" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        var seen = await project.InImageAsync("go; node; dotnet; rustc; julia; cat /opt/envd/julia/packages/asked; readlink /opt/envd/python/bin/python3; python -c 'import six; print(six.__name__)'; uv python install 1 2; echo $?", Token);
        Assert.AreEqual($"""
            go of its publisher https://go.example
            node of its publisher
            dotnet of its publisher in /opt/envd/tools/dotnet
            rust 1.90.0 from {publisher.Address}/static.rust-lang.org
            julia of its publisher
            Plots 1.40.0  from https://julia.example/pkg
            /opt/envd/interpreter/bin/python3
            six
            5

            """, seen);

        // What is not what its publisher's checksums say is not unpacked.
        files["/go1.25.3.linux-amd64.tar.gz"] = [1, 2, 3];
        project.Replace("""Include="go" Version="1.25.3" """.TrimEnd(), $"""Include="go" Version="1.25.3" Checksum="sha256:{Convert.ToHexStringLower(SHA256.HashData([4]))}" """.TrimEnd());
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(refused.Output, "error ENVD4006");
        StringAssert.Contains(refused.Output, $"{project.Name}.csproj(10,");
    }

    [TestMethod]
    public async Task WrongChecksumOfThePublisher_IsRefused()
    {
        using var publisher = new FileServer(request => (200, request.Url!.AbsolutePath.EndsWith(".sha256", StringComparison.Ordinal)
            ? Encoding.ASCII.GetBytes(new string('0', 64) + "\n") : Archive("go/bin/go", "#!/bin/sh\n")));
        using var project = new TestProject();
        project.Write($"""<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Language Include="go" Version="1.25.3" />{Hosts(publisher)}</ItemGroup>""");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(refused.Output, "error ENVD4006", refused.All);
        StringAssert.Contains(refused.Output, "does not have the checksum that its publisher states");
    }

    [TestMethod]
    [DataRow("micromamba", "environment.yml", "name: x\n", "create --yes --quiet --no-rc --prefix /opt/envd/conda --channel https://conda.example/conda-forge --file /dev/shm/envd/context/environment.yml numpy>=2,<3 python=3.13")]
    [DataRow("conda", "", "", "create --yes --quiet --no-rc --prefix /opt/envd/conda --channel https://conda.example/conda-forge conda numpy>=2,<3 python=3.13")]
    [DataRow("pixi", "", "", "add --quiet -- numpy>=2,<3 python=3.13")]
    public async Task Conda_MakesTheEnvironmentThatPythonRunsIn(string manager, string file, string text, string asked)
    {
        // It stands in for the manager: makes the folder, links the interpreter, and writes down what it was asked for.
        const string program = """
            #!/bin/sh
            case $1 in
              init) exit 0 ;;
              add) home=$PWD/.pixi/envs/default ;;
              *) home=/opt/envd/conda ;;
            esac
            mkdir -p "$home/bin" "$home/lib"
            ln -s /usr/bin/python3 "$home/bin/python"
            ln -s /usr/bin/python3 "$home/bin/python3"
            echo "$@" > "$home/asked"
            """;
        using var publisher = Publisher(new()
        {
            ["/micromamba-linux-64"] = Encoding.UTF8.GetBytes(program),
            ["/pixi-x86_64-unknown-linux-musl.tar.gz"] = Archive("pixi", program),
        });
        using var project = new TestProject();
        WriteBase(project);
        if (file.Length > 0)
            project.WriteFile(file, text);
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <ProjectReference Include="shared/shared.csproj" Stage="base" />
              <Language Include="python" Manager="{manager}" Version="3.13" />
              <CondaPackage Include="numpy" Version="[2,3)" />
              {(file.Length > 0 ? $"""<CondaEnvironmentFile Include="{file}" /><CondaChannel Include="conda-forge" />""" : "")}
              <Mirror Include="conda" Url="https://conda.example" />
              {Hosts(publisher)}
              <PythonPackage Include="six" />
              <PythonIndex Include="pypi" Url="{TestProject.Wheels}" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        var home = manager == "pixi" ? "/opt/envd/pixi/.pixi/envs/default" : "/opt/envd/conda";
        Assert.AreEqual($"{asked}\n{home}/bin/python3\nsix\nchannel_alias: https://conda.example\n",
            await project.InImageAsync($"cat {home}/asked; readlink /opt/envd/python/bin/python3; python -c 'import six; print(six.__name__)'; head -1 /etc/conda/.condarc; command -v {(manager == "pixi" ? "pixi" : "micromamba")} > /dev/null", Token));
    }

    [TestMethod]
    public async Task Npm_InstallsFromItsMirror()
    {
        // The registry itself, through a mirror that is all the steps can reach of it.
        using var registry = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.All });
        using var mirror = new FileServer(request =>
        {
            using var answer = registry.Send(new HttpRequestMessage(HttpMethod.Get, "https://registry.npmjs.org" + request.RawUrl!["/npm".Length..]));
            using var body = new MemoryStream();
            answer.Content.ReadAsStream().CopyTo(body);
            return ((int)answer.StatusCode, body.ToArray());
        });
        using var project = new TestProject();
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup>
              <Mirror Include="npm" Url="{mirror.Address}/npm" />
              <NpmPackage Include="is-odd" Version="3.0.1" />
              <NpmPackage Include="semver" Version="7.7.2" />
              <NpmPackage Include="isarray" Url="{mirror.Address}/npm/isarray/-/isarray-2.0.5.tgz" />
              <Stage Include="web" From="system" />
              <NpmPackage Include="is-number" Version="7.0.0" Stage="web" />
              <Step Include="list" Stage="web" Run="ls /opt/envd/npm/lib/node_modules > /opt/web" />
              <Step Include="take" FromStage="web" Copy="/opt/web" TargetPath="/opt/web" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        Assert.AreEqual("is-number\nnpm\ntrue\n1.2.3\n10.9.4\n2.0.5\n0\n", await project.InImageAsync("cat /opt/web; node -p 'require(`is-odd`)(3)' | cat; semver 1.2.3; npm --version | cat; node -p 'require(`isarray/package.json`).version' | cat; ls -A /root | grep -c npm || true", Token));

        project.Replace("Version=\"3.0.1\"", "Version=\"99.0.0\"");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(refused.Output, "error ENVD4002", refused.All);
    }

    [TestMethod]
    public async Task R_InstallsPackagesOfItsMirror()
    {
        using var mirror = FileServer.OfFolder(CranFolder());
        using var project = new TestProject();
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev><EnvdBuildNetwork>host</EnvdBuildNetwork></PropertyGroup>
            <ItemGroup>
              <RPackage Include="acmetop" />
              <RPackage Include="acmeold" Version="0.9" />
              <RPackage Include="acmeurl" Url="{mirror.Address}/elsewhere/acmeurl_3.0.tar.gz" />
              <Stage Include="stats" From="system" />
              <RPackage Include="acmedep" Stage="stats" />
              <Step Include="ask" Stage="stats" Run="Rscript --vanilla -e 'cat(acmedep::answer())' > /opt/stats" />
              <Step Include="take" FromStage="stats" Copy="/opt/stats" TargetPath="/opt/stats" />
              <Mirror Include="cran" Url="{mirror.Address}" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        Assert.AreEqual("42\n42 0.9 3.0 \n", await project.InImageAsync("""cat /opt/stats; echo; Rscript --vanilla -e 'cat(acmetop::answer(), as.character(packageVersion("acmeold")), as.character(packageVersion("acmeurl")), "\n")'""", Token));

        project.Replace("Include=\"acmetop\"", "Include=\"acmetop;acmenone\"");
        var refused = await project.DotNetAsync(Token, "build", project.File, "-t:EnvdImage", "-tl:off");
        StringAssert.Contains(refused.Output, "error ENVD4002");
        StringAssert.Contains(refused.Output, "acmenone");
    }

    [TestMethod]
    public async Task EditorsAndTheirExtensions_RunInTheEnvironment()
    {
        var theme = Zip(("extension/package.json", "{}"), ("extension.vsixmanifest", ""));
        using var publisher = Publisher(new()
        {
            // A server that says whether it was given a token.
            ["/openvscode-server-v1.103.1-linux-x64.tar.gz"] = Archive("openvscode/bin/openvscode-server", """
                #!/bin/sh
                for option; do case $option in --port=*) port=${option#*=} ;; --connection-token-file=*) token=$(cat "${option#*=}") ;; esac; done
                mkdir -p /tmp/www && cd /tmp/www && echo "token of ${#token}" > index.html && ls ~/.openvscode-server/extensions >> index.html
                exec /opt/envd/python/bin/python -m http.server "$port"
                """),
            ["/Acme.theme-1.2.0.vsix"] = theme,
        });
        using var project = new TestProject();
        Directory.CreateDirectory(project["index"]);
        File.WriteAllBytes(project["index/tensorboard-2.0-py3-none-any.whl"], Wheel("tensorboard", "2.0",
            "import http.server, sys\ndef main():\n    http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[2].split('=')[1]))\n", "tensorboard=tensorboard:main"));
        project.Write($"""
            <ItemGroup>
              <Service Include="vscode" />
              <Service Include="tensorboard" Arguments="--logdir runs" />
              <VSCodeExtension Include="Acme.theme" Version="1.2.0" Sha256="{Convert.ToHexStringLower(SHA256.HashData(theme))}" />
              <Mirror Include="vscode" Url="{publisher.Address}/vsx" />
              <PythonIndex Include="pypi" Url="index" />
              {Hosts(publisher)}
            </ItemGroup>
            """);
        var up = await project.ToolAsync(Token, "up", "--detach");
        Assert.AreEqual(0, up.ExitCode, up.All);
        using var http = new HttpClient();
        string AddressOf(string service) => up.Output.Split('\n').Single(l => l.StartsWith(service, StringComparison.Ordinal))[service.Length..].Trim();
        StringAssert.Contains(AddressOf("vscode"), "/?tkn=");
        Assert.AreEqual("token of 48\nacme.theme-1.2.0\n", await http.GetStringAsync(AddressOf("vscode").Split('?')[0], Token));
        StringAssert.Contains(await http.GetStringAsync(AddressOf("tensorboard"), Token), "Directory listing");
        var extension = await project.ToolAsync(Token, "exec", "--", "sh", "-c", "cat ~/.vscode-server/extensions/acme.theme-1.2.0/package.json");
        Assert.AreEqual("{}", extension.Output, extension.All);
    }

    [TestMethod]
    public async Task ClosedNetwork_OnlyMirrorsAreReached()
    {
        await using var engine = await SpareEngine.StartAsync(4000, Token, closed: true);
        using var outside = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.All });
        var cran = CranFolder();
        // Stand-ins for what no registry here has: each asks its mirror, by bash, for one file.
        const string ask = "exec 3<>/dev/tcp/${host%:*}/${host#*:}; printf 'GET /%s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' \"$path\" \"$host\" >&3; cat <&3 | tail -1";
        var julia = Archive("julia-1.10.10/bin/julia", $"#!/bin/bash\nserver=${{JULIA_PKG_SERVER#http://}}; host=${{server%%/*}}; path=${{server#*/}}/registries; mkdir -p \"$JULIA_DEPOT_PATH\"; ({ask}) > \"$JULIA_DEPOT_PATH/answer\"\n");
        var micromamba = Encoding.UTF8.GetBytes($"#!/bin/bash\nmkdir -p /opt/envd/conda; server=${{8#http://}}; host=${{server%%/*}}; path=${{server#*/}}/repodata.json; ({ask}) > /opt/envd/conda/answer\n");
        using var mirror = new FileServer(request =>
        {
            var path = request.Url!.AbsolutePath;
            byte[] From(string address)
            {
                using var answer = outside.Send(new HttpRequestMessage(HttpMethod.Get, address));
                using var body = new MemoryStream();
                answer.EnsureSuccessStatusCode().Content.ReadAsStream().CopyTo(body);
                return body.ToArray();
            }
            try
            {
                return path.Split('/')[1] switch
                {
                    "debian" => (200, From("http://deb.debian.org" + request.RawUrl)),
                    "npm" => (200, From("https://registry.npmjs.org" + request.RawUrl!["/npm".Length..])),
                    "cran" => (200, File.ReadAllBytes(cran + path["/cran".Length..])),
                    "wheels" when path.EndsWith(".whl", StringComparison.Ordinal) => (200, File.ReadAllBytes(Path.Combine(TestProject.Wheels, Path.GetFileName(path)))),
                    "wheels" => (200, Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(Directory.GetFiles(TestProject.Wheels, path.Split('/')[2] + "-*.whl").Select(f => $"<a href=\"/wheels/{Path.GetFileName(f)}\">{Path.GetFileName(f)}</a>")) + "</body></html>")),
                    "julia" or "conda" => (200, Encoding.ASCII.GetBytes("answer of " + path)),
                    _ when path.EndsWith(".sha256", StringComparison.Ordinal) => (200, Encoding.ASCII.GetBytes(
                        $"{Convert.ToHexStringLower(SHA256.HashData(path.Contains("julia", StringComparison.Ordinal) ? julia : micromamba))}{(path.Contains("julia", StringComparison.Ordinal) ? "  julia-1.10.10-linux-x86_64.tar.gz" : "")}\n")),
                    _ => (200, path.Contains("julia", StringComparison.Ordinal) ? julia : micromamba),
                };
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                return (404, []);
            }
        }, SpareEngine.Gateway);
        using var project = new TestProject { Engine = engine.Address };
        project.Write($"""
            <PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup>
            <ItemGroup>
              <Mirror Include="apt" Url="{mirror.Address}/debian" />
              <Mirror Include="npm" Url="{mirror.Address}/npm" />
              <Mirror Include="cran" Url="{mirror.Address}/cran" />
              <Mirror Include="conda" Url="{mirror.Address}/conda" />
              <Mirror Include="julia" Url="{mirror.Address}/julia" />
              <Mirror Include="github.com" Url="{mirror.Address}/github" />
              <Mirror Include="julialang-s3.julialang.org" Url="{mirror.Address}/julialang" />
              <PythonIndex Include="pypi" Url="{mirror.Address}/wheels" Trusted="true" />
              <AptPackage Include="tree" />
              <PythonPackage Include="six" />
              <NpmPackage Include="semver" Version="7.7.2" />
              <RPackage Include="acmetop" />
              <JuliaPackage Include="Plots" />
              <CondaPackage Include="numpy" />
              <Step Include="closed" Run="if timeout 4 bash -c 'exec 3&lt;&gt;/dev/tcp/deb.debian.org/80'; then echo the network is open; exit 1; fi" />
            </ItemGroup>
            """);
        await project.BuildImageAsync(Token);
        Assert.AreEqual("1.2.3\nsix\n42\nanswer of /julia/registries\nanswer of /conda/conda-forge/repodata.json\n",
            await project.InImageAsync("tree --version > /dev/null; semver 1.2.3; python -c 'print(__import__(\"six\").__name__)'; Rscript -e 'cat(acmetop::answer(), \"\\n\", sep=\"\")'; cat /opt/envd/julia/answer; echo; cat /opt/envd/conda/answer; echo", Token));
    }

    /// <summary>A repository of three packages of R: one of an old release, one that needs the third.</summary>
    internal static string CranFolder()
    {
        var folder = Directory.CreateTempSubdirectory("envd-cran-").FullName;
        Add("src/contrib", "acmedep", "1.0", "");
        Add("src/contrib", "acmetop", "2.0", "Imports: acmedep\n", "answer <- function() acmedep::answer()\n");
        Add("src/contrib", "acmeold", "1.0", "");
        Add("src/contrib/Archive/acmeold", "acmeold", "0.9", "");
        Add("elsewhere", "acmeurl", "3.0", "");
        File.WriteAllText(Path.Combine(folder, "src/contrib/PACKAGES"), "Package: acmedep\nVersion: 1.0\n\nPackage: acmetop\nVersion: 2.0\nImports: acmedep\n\nPackage: acmeold\nVersion: 1.0\n");
        return folder;

        void Add(string path, string name, string version, string fields, string code = "answer <- function() 42\n")
        {
            Directory.CreateDirectory(Path.Combine(folder, path));
            File.WriteAllBytes(Path.Combine(folder, path, $"{name}_{version}.tar.gz"), Archive(
                ($"{name}/DESCRIPTION", $"Package: {name}\nVersion: {version}\nTitle: T\nDescription: D.\nAuthor: A\nMaintainer: A <a@example.org>\nLicense: MIT\n{fields}"),
                ($"{name}/NAMESPACE", "export(answer)\n"), ($"{name}/R/answer.R", code)));
        }
    }
}
