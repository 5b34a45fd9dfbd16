using System.Globalization;
using System.Text;
using Envd.Core.Graph;
using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Services;

/// <summary>A file of the image that is generated from the spec.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Text">Its text.</param>
/// <param name="Mode">Permission bits in octal.</param>
internal sealed record ServiceFile(string Path, string Text, string Mode);

/// <summary>
/// What runs in the environment, as text: service folders of s6 (https://skarnet.org/software/s6/servicedir.html) in execline, which
/// has no substitution that a word could trigger, and the configuration of sshd, sudo and Jupyter's kernel.
/// </summary>
internal static class ServiceFiles
{
    private const string Home = "/usr/lib/envd";

    public static IReadOnlyList<ServiceFile> Generate(EnvironmentSpec spec)
    {
        var files = new List<ServiceFile>();
        if (spec.Supervisor == "s6")
        {
            files.Add(new ServiceFile(Home + "/init", StepScripts.Text("init"), "0755"));
            files.Add(new ServiceFile(Home + "/account", $"{spec.User}\n{spec.WorkingDirectory}\n{(spec.Shell == "bash" ? "/bin/bash" : "/usr/bin/" + spec.Shell)}\n", "0644"));
            // The tree ends with the Main service's code, which its finish script has written.
            files.Add(new ServiceFile(Home + "/services/.s6-svscan/finish",
                "#!/bin/execlineb -P\nbacktick -D 0 code { cat /run/envd/exit-code }\nimportas -u code code\nexit $code\n", "0755"));
            foreach (var service in spec.Services)
                files.AddRange(Service(spec, service));
        }
        if (spec.Services.Any(s => s.HealthCheck.Length > 0 && (s.Main || IsAwaited(spec, s))))
            files.Add(new ServiceFile(HealthProgram, StepScripts.Text("health"), "0755"));
        if (spec.Dev)
            files.Add(new ServiceFile("/etc/sudoers.d/envd", $"{spec.User} ALL=(ALL:ALL) NOPASSWD: ALL\n", "0440"));
        var paths = string.Join(':', Planner.ManagedPaths(spec));
        if (paths.Length > 0 && spec.Dev)
            files.Add(new ServiceFile("/etc/profile.d/envd.sh", $"PATH={paths}:$PATH\nexport PATH\n", "0644"));
        if (spec.Prompt == "starship")
            files.AddRange(Prompt(spec));
        files.AddRange(MirrorFiles(spec));
        if (spec.Services.Any(s => s.Kind == "vscode"))
            files.Add(new ServiceFile(Home + "/vscode-server", """
                #!/bin/sh
                # The server of Visual Studio Code with the token of this start: $1 the service, the rest are its options.
                token=/run/envd/tokens/$1
                shift
                if [ -s "$token" ]; then set -- "$@" --connection-token-file="$token"; else set -- "$@" --without-connection-token; fi
                exec /opt/envd/tools/openvscode/bin/openvscode-server "$@"

                """.Replace("\r", "", StringComparison.Ordinal), "0755"));
        if (spec.Git.Count > 0)
            files.Add(new ServiceFile("/etc/gitconfig", GitConfiguration(spec.Git), "0644"));
        if (spec.Services.FirstOrDefault(s => s.Kind == "ssh") is { } ssh)
            files.Add(new ServiceFile(Home + "/sshd_config", SshdConfiguration(spec, ssh), "0644"));
        if (spec.Services.Any(s => s is { Kind: "jupyterlab" or "jupyter", Provider: "system" }))
            files.Add(new ServiceFile("/usr/local/share/jupyter/kernels/python3/kernel.json",
                $$"""{"argv":["{{Planner.PythonHome}}/bin/python","-m","ipykernel_launcher","-f","{connection_file}"],"display_name":"Python 3","language":"python"}""" + "\n", "0644"));
        return files;
    }

    /// <summary>starship in whichever shell a person works in.</summary>
    private static IEnumerable<ServiceFile> Prompt(EnvironmentSpec spec)
    {
        var program = $"{Planner.ToolsHome}/starship/bin/starship";
        yield return new ServiceFile("/etc/profile.d/envd-prompt.sh", $"if [ -n \"$BASH_VERSION\" ] && [ -n \"$PS1\" ]; then eval \"$({program} init bash)\"; fi\n", "0644");
        if (spec.Shell == "zsh")
            yield return new ServiceFile("/etc/zsh/zprofile", $"emulate sh -c '. /etc/profile'\nif [[ -o interactive ]]; then eval \"$({program} init zsh)\"; fi\n", "0644");
        if (spec.Shell == "fish")
            yield return new ServiceFile("/etc/fish/conf.d/envd-prompt.fish", $"if status is-interactive; {program} init fish | source; end\n", "0644");
    }

    /// <summary>Mirrors for what a person installs in the environment.</summary>
    private static IEnumerable<ServiceFile> MirrorFiles(EnvironmentSpec spec)
    {
        if (spec.Mirrors.FirstOrDefault(m => m.Of == "conda") is { } conda)
            yield return new ServiceFile("/etc/conda/.condarc", $"channel_alias: {conda.Url}\nchannels:\n{string.Concat((spec.Conda?.Channels ?? ["conda-forge"]).Select(c => $"  - {c}\n"))}", "0644");
        // cargo reads the configuration of every folder above the one that it works in.
        if (spec.Mirrors.FirstOrDefault(m => m.Of == "crates") is { } crates)
            yield return new ServiceFile("/.cargo/config.toml", $"[source.crates-io]\nreplace-with = \"mirror\"\n\n[source.mirror]\nregistry = \"sparse+{crates.Url}/\"\n", "0644");
        if (spec.Dev && spec.Python?.Indexes.FirstOrDefault(i => i is { Name: "pypi", Format: "simple", Secret.Length: 0 }) is { } index)
            yield return new ServiceFile("/etc/pip.conf", $"[global]\nindex-url = {index.Url}\n{(index.Trusted ? $"trusted-host = {new Uri(index.Url).Authority}\n" : "")}", "0644");
    }

    private static IEnumerable<ServiceFile> Service(EnvironmentSpec spec, ServiceSpec service)
    {
        var folder = $"{Home}/services/{service.Name}";
        yield return new ServiceFile(folder + "/run", Run(spec, service), "0755");
        yield return new ServiceFile(folder + "/finish", Finish(service), "0755");
        if (service.OneShot || IsAwaited(spec, service))
            yield return new ServiceFile(folder + "/notification-fd", "3\n", "0644");
        // What a service writes is kept in a rotated file, and is what `envd logs` and a person read.
        yield return new ServiceFile(folder + "/log/run",
            $"#!/bin/execlineb -P\ns6-log n5 s1000000 T /var/log/envd/{service.Name}\n", "0755");
    }

    private static string Run(EnvironmentSpec spec, ServiceSpec service)
    {
        var text = new StringBuilder("#!/bin/execlineb -P\nfdmove -c 2 1\n");
        foreach (var dependency in service.DependsOn)
        {
            // A one-shot is waited for until its success is told, what has a health check until that succeeds, others until they are up.
            var flag = spec.Services.First(s => s.Name == dependency) is { OneShot: false, HasHealthCheck: false } ? "-u" : "-U";
            text.Append(CultureInfo.InvariantCulture, $"if {{ s6-svwait {flag} -t 600000 ../{dependency} }}\n");
        }
        // It finds its supervisor in the service's own folder, so it comes before any cd.
        if (IsAwaited(spec, service) && !service.OneShot)
            text.Append("s6-notifyoncheck -d -s 100 -w 500 -n 0 -c ").Append(Word(string.Join(' ', HealthWords(service).Select(Word)))).Append('\n');
        var directory = service.WorkingDirectory.Length > 0 ? service.WorkingDirectory : service.Kind == "ssh" ? "/" : spec.WorkingDirectory;
        if (service.StandardOutput.Length > 0)
            text.Append("redirfd -a 1 ").Append(Word(service.StandardOutput)).Append('\n');
        if (service.StandardError.Length > 0)
            text.Append("redirfd -a 2 ").Append(Word(service.StandardError)).Append('\n');
        text.Append("cd ").Append(Word(directory)).Append('\n');
        var user = service.User.Length > 0 ? service.User : spec.User;
        if (user != "root")
            text.Append("export HOME ").Append(Word(user == spec.User ? "/home/" + user : "/")).Append("\nexport USER ").Append(Word(user)).Append('\n');
        if (service.Kind is "jupyterlab" or "jupyter")
            text.Append("export JUPYTER_TOKEN_FILE ").Append(Word($"/run/envd/tokens/{service.Name}")).Append('\n');
        foreach (var variable in service.Environment)
            text.Append("export ").Append(variable.Name).Append(' ').Append(Word(variable.Value)).Append('\n');
        if (service.OneShot)
            text.Append("if {\n");
        if (user != "root")
            text.Append("s6-setuidgid ").Append(Word(user)).Append('\n');
        text.AppendJoin(' ', service.Command.Select(Word)).Append('\n');
        if (service.OneShot)
            text.Append("}\nif { fdmove 1 3 echo }\nfdclose 3\nsleep infinity\n");
        return text.ToString();
    }

    private const string HealthProgram = Home + "/health";

    /// <summary>The command that succeeds where a service is ready.</summary>
    public static IReadOnlyList<string> HealthWords(ServiceSpec service)
    {
        if (service.HealthCheck.Length == 0)
            return service.HealthCommand;
        var (scheme, rest) = service.HealthCheck.StartsWith("http", StringComparison.Ordinal) ? ("http", service.HealthCheck["http://:".Length..]) : ("tcp", service.HealthCheck["tcp://:".Length..]);
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? [HealthProgram, scheme, rest, "/"] : [HealthProgram, scheme, rest[..slash], rest[slash..]];
    }

    private static bool IsAwaited(EnvironmentSpec spec, ServiceSpec service) => service.HasHealthCheck && spec.Services.Any(s => s.DependsOn.Contains(service.Name));

    private static string Finish(ServiceSpec service) => service switch
    {
        // s6-supervise passes the exit code, or 256 and the signal.
        { Main: true } => "#!/bin/execlineb -S2\nifelse { eltest $1 -eq 256 } { if { redirfd -w 1 /run/envd/signal echo $2 } if { redirfd -w 1 /run/envd/exit-code echo 143 } s6-svscanctl -t .. }\n"
            + "if { redirfd -w 1 /run/envd/exit-code echo $1 }\ns6-svscanctl -t ..\n",
        { Restart: "always" } => "#!/bin/execlineb -P\nexit 0\n",
        { Restart: "on-failure" } => "#!/bin/execlineb -S1\nifelse { eltest $1 -eq 0 } { exit 125 }\nexit 0\n",
        // 125 tells s6-supervise not to start it again.
        _ => "#!/bin/execlineb -P\nexit 125\n",
    };

    /// <summary>A word of execline: quoted, with what it would take for syntax escaped.</summary>
    internal static string Word(string text)
    {
        var word = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\')
                word.Append('\\').Append(c);
            else if (c == '\n')
                word.Append("\\n");
            else if (c == '\t')
                word.Append("\\t");
            else if (c == '\r')
                word.Append("\\r");
            else
                word.Append(c);
        }
        return word.Append('"').ToString();
    }

    /// <summary>Settings as git's own file has them.</summary>
    internal static string GitConfiguration(IEnumerable<NamedValue> settings)
    {
        var text = new StringBuilder();
        foreach (var group in settings.GroupBy(s => s.Name.Split('.')[0]))
        {
            text.Append('[').Append(group.Key).Append("]\n");
            // git reads a quoted value as it stands, but for a backslash and a quote.
            foreach (var setting in group)
                text.Append('\t').Append(setting.Name.Split('.')[1]).Append(" = \"")
                    .Append(setting.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append("\"\n");
        }
        return text.ToString();
    }

    private static string SshdConfiguration(EnvironmentSpec spec, ServiceSpec ssh)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Port {ssh.Port}\n");
        text.Append("HostKey /var/lib/envd/ssh/host_key\nAuthorizedKeysFile /var/lib/envd/start/authorized_keys\n");
        text.Append("PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPrintMotd no\nPidFile none\n");
        text.Append("AllowAgentForwarding yes\nAllowTcpForwarding yes\nAcceptEnv LANG LC_* COLORTERM\nSubsystem sftp internal-sftp\n");
        // A caller whose uid is 0 works as an account of that uid, with a key alone.
        text.Append("PermitRootLogin prohibit-password\n").Append("AllowUsers ").Append(spec.User).Append(" root\n");
        var path = string.Join(':', Planner.ManagedPaths(spec).Append("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        var variables = spec.Environment.Where(v => v.Value.AsSpan().IndexOfAny("\"\n\r") < 0).Select(v => $"{v.Name}=\"{v.Value}\"").ToList();
        variables.AddRange(Planner.ManagedVariables(spec));
        if (spec.HasPython)
            variables.Add("VIRTUAL_ENV=" + Planner.PythonHome);
        if (!spec.Environment.Any(v => v.Name == "PATH"))
            variables.Insert(0, "PATH=" + path);
        if (!spec.Environment.Any(v => v.Name == "LANG"))
            variables.Add("LANG=C.UTF-8");
        return text.Append("SetEnv ").AppendJoin(' ', variables).Append('\n').ToString();
    }
}
