using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Envd.BuildKit.Progress;
using Envd.Llb;
using Envd.Llb.Protocol;

namespace Envd.BuildKit.Client;

/// <summary>Makes of an engine's answer an exception that says what failed, where it was written down, and what the engine lacks.</summary>
internal static partial class SolveFailure
{
    public static BuildKitException Translate(RpcException e, ProgressTracker tracker, IReadOnlyList<Definition> definitions)
    {
        if (Missing(e.Message) is { } capability)
            return new CapabilityException(capability, $"The engine cannot do this build: {e.Message}");
        // An engine sends the detail most times; its message has the code always.
        var exit = Detail(e, "ExitMessage", "Code") ?? (ExitCode().Match(e.Message) is { Success: true } said ? said.Groups["code"].Value : null);
        var digest = Detail(e, "errdefs.Vertex", "digest") ?? tracker.FirstFailure;
        if (digest is null)
            return new SolveException(e.Message, e.Code, null, e);
        var step = new FailedStep(digest, tracker.NameOf(digest), "", int.TryParse(exit, NumberStyles.Integer, CultureInfo.InvariantCulture, out var code) ? code : null,
            tracker.LogTail(digest), []);
        foreach (var definition in definitions)
            step = Locate(step, definition);
        return new SolveException(e.Message, e.Code, step, e);
    }

    /// <summary>The capability that an engine says it lacks; null where it says something else.</summary>
    internal static string? Missing(string message)
    {
        foreach (var pattern in new[] { Unknown(), Disabled(), Exporter(), CacheType(), Frontend(), Entitlement(), Scheme(), Attestation() })
            if (pattern.Match(message) is { Success: true } match)
                return match.Groups["kind"] is { Success: true } kind ? $"{kind.Value}.{match.Groups["name"].Value}" : match.Groups["name"].Value;
        return null;
    }

    private static FailedStep Locate(FailedStep step, Definition definition)
    {
        foreach (var bytes in definition.Def)
            if (step.Command.Length == 0 && Marshaller.Digest(bytes) == step.Digest && Op.Parser.ParseFrom(bytes) is { Exec: { } exec })
                step = step with { Command = string.Join(' ', exec.Meta.Args) };
        if (definition.Source?.Locations.TryGetValue(step.Digest, out var locations) is true)
            step = step with
            {
                Places = [.. locations.Locations_.Select(l => string.Create(CultureInfo.InvariantCulture,
                    $"{definition.Source.Infos[l.SourceIndex].Filename}:{(l.Ranges is [var range, ..] ? range.Start.Line : 0)}"))],
            };
        return step;
    }

    private static string? Detail(RpcException e, string type, string property)
    {
        foreach (var detail in e.Details)
        {
            if (!detail.Type.Contains(type, StringComparison.Ordinal))
                continue;
            try
            {
                using var json = JsonDocument.Parse(detail.Payload);
                foreach (var member in json.RootElement.EnumerateObject())
                    if (string.Equals(member.Name, property, StringComparison.OrdinalIgnoreCase))
                        return member.Value.ToString();
            }
            catch (JsonException)
            {
                // A detail of another encoding than the one known; the message itself still tells what happened.
            }
        }
        return null;
    }

    // What engines say has no code of its own, only these sentences (util/apicaps, control and solver of BuildKit).
    [GeneratedRegex(@"exit code: (?<code>[0-9]+)", RegexOptions.CultureInvariant)]
    private static partial Regex ExitCode();

    [GeneratedRegex(@"unknown API capability (?<name>[\w.-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Unknown();

    [GeneratedRegex(@"requested (?:experimental )?feature (?<name>[\w.-]+)\s.*has been disabled", RegexOptions.CultureInvariant)]
    private static partial Regex Disabled();

    [GeneratedRegex(@"(?<kind>exporter) ""(?<name>[\w.-]+)"" could not be found", RegexOptions.CultureInvariant)]
    private static partial Regex Exporter();

    [GeneratedRegex(@"unknown (?<kind>cache (?:exporter|importer)): ""?(?<name>[\w.-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex CacheType();

    [GeneratedRegex(@"invalid (?<kind>frontend): (?<name>[\w./-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Frontend();

    [GeneratedRegex(@"(?:granting entitlement )?(?<name>network\.host|security\.insecure|device) is not allowed", RegexOptions.CultureInvariant)]
    private static partial Regex Entitlement();

    [GeneratedRegex(@"unknown (?<kind>scheme) (?<name>[\w-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Scheme();

    [GeneratedRegex(@"(?<name>attestations?) (?:is|are) not supported", RegexOptions.CultureInvariant)]
    private static partial Regex Attestation();
}
