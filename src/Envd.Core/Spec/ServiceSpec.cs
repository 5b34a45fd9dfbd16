using System.Text.Json.Serialization;

namespace Envd.Core.Spec;

/// <summary>A program that runs in the environment.</summary>
public sealed record ServiceSpec
{
    /// <summary>Unique.</summary>
    public required string Name { get; init; }

    /// <summary><c>jupyterlab</c>, <c>jupyter</c>, <c>ssh</c>, or <c>custom</c>.</summary>
    public required string Kind { get; init; }

    /// <summary><c>pip</c> or <c>system</c>; empty where nothing is installed.</summary>
    public string Provider { get; init; } = "";

    /// <summary>The argument vector.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The port it listens on; 0 is none.</summary>
    public int Port { get; init; }

    /// <summary>Services that come first.</summary>
    public IReadOnlyList<string> DependsOn { get; init; } = [];

    /// <summary><c>no</c>, <c>on-failure</c> or <c>always</c>.</summary>
    public required string Restart { get; init; }

    /// <summary>Variables of this service alone.</summary>
    public IReadOnlyList<NamedValue> Environment { get; init; } = [];

    /// <summary>Empty is the environment's user.</summary>
    public string User { get; init; } = "";

    /// <summary>A file that its output goes to instead of its log; empty is the log.</summary>
    public string StandardOutput { get; init; } = "";

    /// <summary>The same for its errors.</summary>
    public string StandardError { get; init; } = "";

    /// <summary>Empty is the environment's working directory.</summary>
    public string WorkingDirectory { get; init; } = "";

    /// <summary><c>http://:PORT/path</c>, <c>tcp://:PORT</c>, or empty.</summary>
    public string HealthCheck { get; init; } = "";

    /// <summary>A command whose success means that the service is ready; empty where <see cref="HealthCheck"/> says how to see that, or nothing does.</summary>
    public IReadOnlyList<string> HealthCommand { get; init; } = [];

    /// <summary>Something tells whether the service is ready.</summary>
    [JsonIgnore]
    public bool HasHealthCheck => HealthCheck.Length > 0 || HealthCommand.Count > 0;

    /// <summary>Runs to its end once; others wait for its success.</summary>
    public bool OneShot { get; init; }

    /// <summary>The environment lives and ends with it.</summary>
    public bool Main { get; init; }
}
