using System.Text.Json;
using System.Text.Json.Nodes;
using Envd.Core.Graph;

namespace Envd.Core.Lowering;

/// <summary>Makes an image's configuration (OCI image specification, config.md) from its base's and what the project declares.</summary>
public static class ImageConfiguration
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The variables that a base image sets, as <c>NAME=value</c>.</summary>
    public static IReadOnlyList<string> EnvironmentOf(ReadOnlySpan<byte> baseConfiguration)
    {
        var config = Parse(baseConfiguration)["config"] as JsonObject;
        return [.. (config?["Env"] as JsonArray ?? []).Select(v => v?.GetValue<string>() ?? "").Where(v => v.Length > 0)];
    }

    /// <summary>The merged configuration, UTF-8 JSON. History and layers are the engine's to fill in.</summary>
    public static byte[] Merge(ReadOnlySpan<byte> baseConfiguration, ImageSettings settings, string platform)
    {
        var root = Parse(baseConfiguration);
        var parts = platform.Split('/');
        var config = root["config"] as JsonObject ?? [];
        var result = new JsonObject
        {
            ["architecture"] = parts[1],
            ["os"] = parts[0],
            ["config"] = Config(config, settings),
        };
        if (root["variant"] is { } variant)
            result["variant"] = variant.DeepClone();
        return JsonSerializer.SerializeToUtf8Bytes(result, GraphJson.Default.JsonObject);
    }

    private static JsonObject Config(JsonObject original, ImageSettings settings)
    {
        var config = (JsonObject)original.DeepClone();
        var environment = new List<string>((config["Env"] as JsonArray ?? []).Select(v => v!.GetValue<string>()));
        foreach (var variable in settings.Environment)
            Set(environment, variable);
        if (settings.PathPrefix.Count > 0)
        {
            var path = environment.Find(v => v.StartsWith("PATH=", StringComparison.Ordinal))?["PATH=".Length..] ?? DefaultPath;
            Set(environment, "PATH=" + string.Join(':', settings.PathPrefix.Append(path)));
        }
        foreach (var entry in settings.PathEntries)
        {
            var before = environment.Find(v => v.StartsWith(entry.Variable + "=", StringComparison.Ordinal))?[(entry.Variable.Length + 1)..]
                ?? (entry.Variable == "PATH" ? DefaultPath : "");
            Set(environment, $"{entry.Variable}={(before.Length == 0 ? entry.Path : entry.Append ? $"{before}:{entry.Path}" : $"{entry.Path}:{before}")}");
        }
        config["Env"] = Array(environment);
        if (settings.Entrypoint is not null)
            config["Entrypoint"] = Array(settings.Entrypoint);
        if (settings.Command is not null)
            config["Cmd"] = settings.Command.Count == 0 ? null : Array(settings.Command);
        // Docker's own addition to the OCI configuration; other runtimes pass it over.
        if (settings.HealthCheck is not null)
            config["Healthcheck"] = new JsonObject
            {
                ["Test"] = Array([.. settings.HealthCheck.Prepend("CMD")]),
                // In nanoseconds: a minute to come up, asked every two seconds meanwhile.
                ["StartPeriod"] = 60_000_000_000,
                ["StartInterval"] = 2_000_000_000,
            };
        if (settings.User.Length > 0)
            config["User"] = settings.User;
        if (settings.WorkingDirectory.Length > 0)
            config["WorkingDir"] = settings.WorkingDirectory;
        if (settings.ExposedPorts.Count > 0)
        {
            var ports = config["ExposedPorts"] as JsonObject ?? [];
            config["ExposedPorts"] = null;
            foreach (var port in settings.ExposedPorts)
                ports[port] = new JsonObject();
            config["ExposedPorts"] = ports;
        }
        var labels = config["Labels"] as JsonObject ?? [];
        config["Labels"] = null;
        foreach (var label in settings.Labels)
        {
            var cut = label.IndexOf('=', StringComparison.Ordinal);
            labels[label[..cut]] = label[(cut + 1)..];
        }
        config["Labels"] = labels;
        return config;
    }

    private static void Set(List<string> environment, string variable)
    {
        var name = variable[..(variable.IndexOf('=', StringComparison.Ordinal) + 1)];
        var index = environment.FindIndex(v => v.StartsWith(name, StringComparison.Ordinal));
        if (index < 0)
            environment.Add(variable);
        else
            environment[index] = variable;
    }

    private static JsonArray Array(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)JsonValue.Create(v))]);

    private static JsonObject Parse(ReadOnlySpan<byte> json) =>
        json.IsEmpty ? [] : JsonNode.Parse(json) as JsonObject ?? [];
}
