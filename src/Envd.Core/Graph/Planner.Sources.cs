using Envd.Core.Lowering;
using Envd.Core.Spec;

namespace Envd.Core.Graph;

public sealed partial class Planner
{
    private const string CertificateBundle = "/etc/ssl/certs/ca-certificates.crt";

    /// <summary>What tools with trust stores of their own must be told.</summary>
    private string[] CertificateVariables => !Trusts(_spec) ? []
        : [.. new[] { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO" }.Select(v => $"{v}={CertificateBundle}")];

    private static bool Trusts(EnvironmentSpec spec) => spec.CertificateAuthorities.Count > 0 || (spec.Base is { } upon && Trusts(upon.Spec));

    /// <summary>What must be there before anything is fetched: trust, and where apt's packages come from.</summary>
    private string PlanSources(string on)
    {
        if (_spec.CertificateAuthorities.Count > 0)
        {
            var copies = _spec.CertificateAuthorities.Select((path, i) => new GraphFileAction
            {
                Path = $"/usr/local/share/ca-certificates/envd-{i + 1}.crt",
                From = Context(),
                Source = "/" + path,
                Mode = "0644",
            });
            on = Clamped(on, _graph.Add("authorities", "take certificate authorities", new FilesOperation(on, [.. copies]), "CertificateAuthority:*"), "the authorities");
            on = _graph.Add("trust", "trust " + Shorten(_spec.CertificateAuthorities), new RunOperation { On = on, Arguments = StepScripts.TimedCommand("trust", []), Network = "none" }, "CertificateAuthority:*");
        }
        if (_spec.Mirrors.FirstOrDefault(m => m.Of == "apt") is { } mirror)
            on = _graph.Add("apt-mirror", "apt from " + mirror.Url, new RunOperation { On = on, Arguments = StepScripts.TimedCommand("apt-mirror", [mirror.Url]), Network = "none" }, "Mirror:apt");
        if (_spec.AptSources.Any(s => s.Replace))
            on = _graph.Add("apt-replace", "take away the base's sources of apt", new RunOperation { On = on, Arguments = StepScripts.TimedCommand("apt-replace", []), Network = "none" }, "AptSource:*");
        if (_spec.AptSources.Count > 0)
            on = Clamped(on, _graph.Add("apt-sources", "sources of apt: " + Shorten([.. _spec.AptSources.Select(s => s.Path)]), new FilesOperation(on, [.. AptSourceFiles()]), "AptSource:*"), "the sources of apt");
        return on;
    }

    private IEnumerable<GraphFileAction> AptSourceFiles()
    {
        foreach (var source in _spec.AptSources)
        {
            yield return new GraphFileAction { Path = "/etc/apt/sources.list.d/" + Path.GetFileName(source.Path), From = Context(), Source = "/" + source.Path, Mode = "0644" };
            if (source.KeyFile.Length > 0)
                yield return new GraphFileAction { Path = "/etc/apt/keyrings/" + Path.GetFileName(source.KeyFile), From = Context(), Source = "/" + source.KeyFile, Mode = "0644" };
        }
    }

    /// <summary>An image, from the mirror of Docker Hub where there is one.</summary>
    private string Image(string reference, string origin = "", string platform = "") => _graph.Image(Mirrored(_spec, reference), origin, platform);

    /// <summary>The name by which an image is fetched.</summary>
    public static string Mirrored(EnvironmentSpec spec, string reference) =>
        reference.StartsWith("docker.io/", StringComparison.Ordinal) && spec.Mirrors.FirstOrDefault(m => m.Of == "docker.io") is { } mirror
            ? mirror.Url + reference["docker.io".Length..] : reference;

    /// <summary>An address, from the mirror of its host where there is one.</summary>
    private string MirroredAddress(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || _spec.Mirrors.FirstOrDefault(m => m.Of == uri.Host) is not { } mirror)
            return url;
        return mirror.Url + url[(url.IndexOf("//", StringComparison.Ordinal) + 2 + uri.Authority.Length)..];
    }
}
