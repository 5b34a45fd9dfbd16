using System.Globalization;
using Envd.Core.Diagnostics;
using Envd.Core.ProjectFile;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Service kinds that bring their own software.</summary>
    private static readonly string[] Kinds = ["jupyterlab", "jupyter", "ssh", "vscode", "rstudio", "tensorboard"];

    /// <summary>Kinds that ask for the token that the environment is started with.</summary>
    internal static readonly string[] TokenKinds = ["jupyterlab", "jupyter", "vscode"];

    private List<ServiceSpec> Services(bool dev)
    {
        var services = new List<ServiceSpec>();
        foreach (var item in Items("Service"))
        {
            if (Guid.TryParse(item.Include, out _))
                continue; // written by Visual Studio, for Visual Studio
            if (Service(item) is not { } service)
                continue;
            if (services.Exists(s => s.Name == service.Name))
                Report(item, "", ErrorCodes.Contradiction, $"There are two services named '{service.Name}'.", "Give one of them another name, and Kind.");
            else if (dev || service.Kind == "custom")
                services.Add(service);
        }
        if (dev && Flag("EnvdSsh", true) && !services.Exists(s => s.Kind == "ssh"))
            services.Add(SshService("ssh", 22));
        foreach (var service in services)
            foreach (var dependency in service.DependsOn.Where(d => !services.Exists(s => s.Name == d)))
                Report(Items("Service").First(i => i.Include == service.Name), "DependsOn", ErrorCodes.UnknownKind,
                    $"The service '{service.Name}' depends on '{dependency}', which is no service.", NearestName.Suggest(dependency, services.Select(s => s.Name)));
        if (services.Count(s => s.Main) > 1)
            Report(Items("Service").Last(i => Flag(i, "Main")), "Main", ErrorCodes.Contradiction, "Two services are Main.", "The environment ends with its Main service: keep one.");
        return services;
    }

    private ServiceSpec? Service(ProjectItem item)
    {
        var kind = item["Kind"] is { Length: > 0 } k ? k : Kinds.Contains(item.Include) ? item.Include : item.ShellText("Command").Length > 0 ? "custom" : "";
        if (!Names.IsIdentifier(item.Include))
        {
            Report(item, "", ErrorCodes.InvalidName, $"Service '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            return null;
        }
        if (kind.Length == 0 || (kind != "custom" && !Kinds.Contains(kind)))
        {
            Report(item, "", ErrorCodes.UnknownKind, $"'{item.Include}' is no service that Envd knows, and it has no Command.",
                NearestName.Suggest(item.Include, Kinds) is { Length: > 0 } near ? near : $"Known are {string.Join(", ", Kinds)}; any other needs a Command.");
            return null;
        }
        CheckToken(item);
        return kind switch
        {
            "ssh" => SshService(item.Include, Port(item, 22)) with { DependsOn = item.List("DependsOn") },
            "custom" => CustomService(item),
            "tensorboard" => EditorService(item, kind, 6006, "pip", port => ["/opt/envd/python/bin/tensorboard", "--host=0.0.0.0", "--port=" + port]),
            "vscode" => EditorService(item, kind, 3000, "", port => ["/usr/lib/envd/vscode-server", item.Include, "--host=0.0.0.0", "--port=" + port]),
            "rstudio" => EditorService(item, kind, 8787, "system", port => ["/usr/lib/rstudio-server/bin/rserver", "--server-daemonize=0", "--www-address=0.0.0.0", "--www-port=" + port,
                "--auth-none=1", "--server-user=" + (_model.Property("ContainerUser") is { Length: > 0 } user ? user : "envd"), "--server-data-dir=/tmp/rstudio-server", "--server-pid-file=/tmp/rstudio-server.pid"]),
            _ => JupyterService(item, kind),
        };
    }

    private static ServiceSpec SshService(string name, int port) => new()
    {
        Name = name,
        Kind = "ssh",
        Provider = "system",
        Command = ["/usr/sbin/sshd", "-D", "-e", "-f", "/usr/lib/envd/sshd_config"],
        Port = port,
        Restart = "always",
        User = "root",
        HealthCheck = $"tcp://:{port.ToString(CultureInfo.InvariantCulture)}",
    };

    private ServiceSpec JupyterService(ProjectItem item, string kind)
    {
        var provider = item["Provider"] is { Length: > 0 } p ? p.ToLowerInvariant() : "pip";
        if (provider is not ("pip" or "system"))
            Report(item, "Provider", ErrorCodes.InvalidValue, $"Provider of Service '{item.Include}' is '{provider}'.", "Write pip or system.");
        var port = Port(item, 8888);
        var program = (provider == "system" ? "/usr/bin/" : "/opt/envd/python/bin/") + (kind == "jupyterlab" ? "jupyter-lab" : "jupyter-notebook");
        var text = port.ToString(CultureInfo.InvariantCulture);
        return new ServiceSpec
        {
            Name = item.Include,
            Kind = kind,
            Provider = provider,
            Command = [program, "--no-browser", "--ip=0.0.0.0", "--port=" + text, "--ServerApp.port_retries=0", "--allow-root", .. Words(item, "Arguments")],
            Port = port,
            DependsOn = item.List("DependsOn"),
            Restart = Restart(item, "always"),
            Environment = Environment(item),
            WorkingDirectory = ServiceDirectory(item),
            HealthCheck = $"http://:{text}/api",
            Main = Flag(item, "Main"),
        };
    }

    /// <summary>A service whose program answers on its root page.</summary>
    private ServiceSpec EditorService(ProjectItem item, string kind, int usual, string provider, Func<string, IReadOnlyList<string>> command)
    {
        var port = Port(item, usual);
        var text = port.ToString(CultureInfo.InvariantCulture);
        if (item["Provider"] is { Length: > 0 } given && given != provider)
            Report(item, "Provider", ErrorCodes.InvalidValue, $"Service '{item.Include}' has no Provider '{Printable(given)}'.", "Leave it out.");
        return new ServiceSpec
        {
            Name = item.Include,
            Kind = kind,
            Provider = provider,
            Command = [.. command(text), .. Words(item, "Arguments")],
            Port = port,
            DependsOn = item.List("DependsOn"),
            Restart = Restart(item, "always"),
            Environment = Environment(item),
            WorkingDirectory = ServiceDirectory(item),
            HealthCheck = $"http://:{text}/",
            Main = Flag(item, "Main"),
        };
    }

    private ServiceSpec CustomService(ProjectItem item)
    {
        var command = Words(item, "Command");
        if (command.Count == 0)
            Report(item, "Command", ErrorCodes.MetadataConflict, $"Service '{item.Include}' has no Command.", "Write the program and its arguments.");
        var user = item["User"];
        if (user.Length > 0 && !Names.IsUser(user))
            Report(item, "User", ErrorCodes.InvalidName, $"User of Service '{item.Include}' is '{Printable(user)}'.", "Write an account's name.");
        var health = item.ShellText("HealthCheck").Trim();
        var address = health.StartsWith("http://", StringComparison.Ordinal) || health.StartsWith("tcp://", StringComparison.Ordinal);
        if (address && !IsHealthAddress(health))
            Report(item, "HealthCheck", ErrorCodes.InvalidValue, $"HealthCheck of Service '{item.Include}' is '{Printable(health)}'.",
                "Write http://:PORT/path, tcp://:PORT, or a command.");
        return new ServiceSpec
        {
            Name = item.Include,
            Kind = "custom",
            Command = [.. command, .. Words(item, "Arguments")],
            Port = item["Port"].Length > 0 ? Port(item, 0) : 0,
            DependsOn = item.List("DependsOn"),
            Restart = Restart(item, "no"),
            Environment = Environment(item),
            User = user,
            StandardOutput = LogFile(item, "StandardOutput"),
            StandardError = LogFile(item, "StandardError"),
            WorkingDirectory = ServiceDirectory(item),
            HealthCheck = address ? health : "",
            HealthCommand = address || health.Length == 0 ? [] : Words(item, "HealthCheck"),
            OneShot = Flag(item, "OneShot"),
            Main = Flag(item, "Main"),
        };
    }

    private string Supervisor(IReadOnlyList<ServiceSpec> services, bool dev)
    {
        var chosen = Choice("EnvdSupervisor", "", "", "s6", "none");
        if (chosen == "none" && services.Count > 1)
            Report(ErrorCodes.MetadataConflict, "EnvdSupervisor is none, and there is more than one service.", "Without a supervisor there is the Main service alone; in dev set EnvdSsh to false.");
        if (chosen.Length > 0)
            return chosen;
        // A lean image with one service needs nobody to supervise it.
        return dev || services.Count > 1 ? "s6" : "none";
    }

    private IReadOnlyList<string> Words(ProjectItem item, string metadata)
    {
        var text = item.ShellText(metadata);
        if (text.Contains('\0', StringComparison.Ordinal) || !CommandWords.TrySplit(text, out var words))
        {
            Report(item, metadata, ErrorCodes.InvalidValue, $"{metadata} of {item.Type} '{item.Include}' has a quote that is not closed.");
            return [];
        }
        return words;
    }

    private List<NamedValue> Environment(ProjectItem item, string metadata = "Environment")
    {
        var result = new List<NamedValue>();
        foreach (var entry in item.List(metadata))
        {
            var cut = entry.IndexOf('=', StringComparison.Ordinal);
            if (cut <= 0 || !Names.IsVariable(entry[..cut]))
                Report(item, metadata, ErrorCodes.InvalidValue, $"'{Printable(entry)}' is no variable.", "Write NAME=value;OTHER=value, with %3B for a ';' in a value.");
            else
                result.Add(new NamedValue(entry[..cut], entry[(cut + 1)..]));
        }
        return result;
    }

    private string ServiceDirectory(ProjectItem item)
    {
        var directory = item.ShellText("WorkingDirectory").Trim();
        if (directory.Length > 0 && !IsCleanPath(directory))
            Report(item, "WorkingDirectory", ErrorCodes.InvalidValue, $"'{Printable(directory)}' is no absolute path.");
        return directory;
    }

    private string LogFile(ProjectItem item, string metadata)
    {
        var path = item.ShellText(metadata).Trim();
        if (path.Length > 0 && (!IsCleanPath(path) || path.EndsWith('/')))
            Report(item, metadata, ErrorCodes.InvalidValue, $"{metadata} of Service '{item.Include}' is '{Printable(path)}'.", "Write a file of the environment, such as /var/log/app.log.");
        return path;
    }

    private string Restart(ProjectItem item, string otherwise)
    {
        var restart = item["Restart"].ToLowerInvariant();
        if (restart is not ("" or "no" or "on-failure" or "always"))
            Report(item, "Restart", ErrorCodes.InvalidValue, $"Restart of Service '{item.Include}' is '{Printable(restart)}'.", "Write no, on-failure or always.");
        return restart.Length == 0 ? otherwise : restart;
    }

    private int Port(ProjectItem item, int otherwise)
    {
        var text = item["Port"];
        if (text.Length == 0)
            return otherwise;
        if (!TryPort(text, out var port))
            Report(item, "Port", ErrorCodes.InvalidValue, $"Port of Service '{item.Include}' is '{Printable(text)}'.", "Write a number from 1 to 65535.");
        return port;
    }

    private void CheckToken(ProjectItem item)
    {
        var token = item["Token"];
        if (token is "" or "none" || (token.StartsWith("env:", StringComparison.Ordinal) && Names.IsVariable(token[4..]))
            || (token.StartsWith("file:", StringComparison.Ordinal) && token.Length > 5))
            return;
        Report(item, "Token", ErrorCodes.LiteralSecret, $"Service '{item.Include}' has its Token written into the project file.",
            "Leave it out for a random one at each start, or write env:NAME or file:PATH.");
    }

    private static bool IsHealthAddress(string text)
    {
        foreach (var scheme in new[] { "http://:", "tcp://:" })
        {
            if (!text.StartsWith(scheme, StringComparison.Ordinal))
                continue;
            var rest = text[scheme.Length..];
            var slash = rest.IndexOf('/', StringComparison.Ordinal);
            return TryPort(slash < 0 ? rest : rest[..slash], out _);
        }
        return false;
    }
}
