using System.Globalization;
using System.Text.Json;
using Envd.Llb.Vertices;

namespace Envd.Llb;

public sealed partial class State
{
    /// <summary>The tree of an image.</summary>
    /// <param name="reference">Fully qualified: <c>docker.io/library/debian:trixie</c>, with a digest where one is known.</param>
    /// <param name="platform">Which of the image's platforms.</param>
    /// <param name="options">The vertex' name and origin.</param>
    /// <param name="image">How the image is looked for.</param>
    public static State Image(string reference, Platform platform, VertexOptions? options = null, ImageOptions? image = null)
    {
        var source = new SourceAttributes($"docker-image://{reference}", "source.image");
        if (image is not null)
        {
            source.Add("image.resolvemode", image.ResolveMode switch { ImageResolveMode.Pull => "pull", ImageResolveMode.Local => "local", _ => "" }, "source.image.resolvemode");
            source.Add("image.layerlimit", Number(image.LayerLimit), "source.image.layerlimit");
            source.Add("image.checksum", image.Checksum, "source.image.checksum");
        }
        return new(new SourceVertex(source, platform, options), 0);
    }

    /// <summary>The tree of an image in an OCI layout that the session offers.</summary>
    /// <param name="reference">Any name with the digest of a manifest or index: <c>name@sha256:…</c>.</param>
    /// <param name="layout">Which layout.</param>
    /// <param name="platform">Which of the image's platforms.</param>
    /// <param name="options">The vertex' name and origin.</param>
    /// <exception cref="FormatException">The reference has no digest.</exception>
    public static State OciLayout(string reference, OciLayoutOptions layout, Platform platform, VertexOptions? options = null)
    {
        if (!reference.Contains("@sha256:", StringComparison.Ordinal))
            throw new FormatException($"'{reference}' names no digest, which an image in an OCI layout is found by.");
        var source = new SourceAttributes($"oci-layout://{reference}", "source.ocilayout");
        source.Add("oci.store", layout.Store, null);
        source.Add("oci.session", layout.SessionId, null);
        source.Add("oci.layerlimit", Number(layout.LayerLimit), null);
        return new(new SourceVertex(source, platform, options), 0);
    }

    /// <summary>A folder of the client, synchronised through the session.</summary>
    /// <param name="name">The name under which the session offers the folder.</param>
    /// <param name="local">What of it is sent.</param>
    /// <param name="options">The vertex' name and origin.</param>
    public static State Local(string name, LocalOptions local, VertexOptions? options = null)
    {
        var source = new SourceAttributes($"local://{name}", "source.local");
        source.Add("local.includepattern", Json(local.IncludePatterns), "source.local.includepatterns");
        source.Add("local.excludepatterns", Json(local.ExcludePatterns), "source.local.excludepatterns");
        source.Add("local.followpaths", Json(local.FollowPaths), "source.local.followpaths");
        source.Add("local.sharedkeyhint", local.SharedKeyHint, "source.local.sharedkeyhint");
        source.Add("local.session", local.SessionId, "source.local.sessionid");
        source.Add("local.unique", local.UniqueId, "source.local.unique");
        source.Add("local.differ", local.CompareMetadata ? "" : "none", "source.local.differ");
        return new(new SourceVertex(source, null, options), 0);
    }

    /// <summary>A file from a web server, verified against its checksum.</summary>
    /// <param name="url">An http or https address.</param>
    /// <param name="checksum"><c>sha256:</c> and 64 hexadecimal digits; with it a second build asks the server nothing.</param>
    /// <param name="fileName">The name of the file in the tree.</param>
    /// <param name="mode">Permission bits; 0 leaves the engine's default (0600).</param>
    /// <param name="options">The vertex' name and origin.</param>
    /// <param name="http">Owner and login.</param>
    public static State Http(string url, string? checksum, string fileName, int mode = 0, VertexOptions? options = null, HttpOptions? http = null)
    {
        var source = new SourceAttributes(url, "source.http");
        source.Add("http.filename", fileName, null);
        source.Add("http.checksum", checksum, "source.http.checksum");
        source.Add("http.perm", mode == 0 ? "" : "0" + Convert.ToString(mode, 8), "source.http.perm");
        if (http?.Owner is { } owner)
        {
            // The capability is misspelt in the protocol itself.
            source.Add("http.uid", owner.User.ToString(CultureInfo.InvariantCulture), "soruce.http.uidgid");
            source.Add("http.gid", owner.Group.ToString(CultureInfo.InvariantCulture), "soruce.http.uidgid");
        }
        source.Add("http.authheadersecret", http?.AuthorizationSecret, "source.http.auth");
        return new(new SourceVertex(source, null, options), 0);
    }

    /// <summary>The tree of a git commit.</summary>
    /// <param name="remote">As <c>git clone</c> takes it: <c>https://host/path.git</c>, <c>ssh://git@host/path</c>, <c>git@host:path</c>.</param>
    /// <param name="git">Which commit, and what of it.</param>
    /// <param name="options">The vertex' name and origin.</param>
    /// <exception cref="FormatException">The remote is none.</exception>
    public static State Git(string remote, GitOptions git, VertexOptions? options = null)
    {
        var address = GitRemote.Parse(remote);
        var fragment = git.Subdirectory.Length > 0 ? $"#{git.Reference}:{git.Subdirectory.Trim('/')}" : git.Reference.Length > 0 ? $"#{git.Reference}" : "";
        var source = new SourceAttributes($"git://{address.HostAndPath}{fragment}", "source.git");
        source.Add("git.fullurl", address.Url, "source.git.fullurl");
        if (git.Subdirectory.Length > 0)
            source.Caps.Add("source.git.subdir");
        source.Add("git.keepgitdir", git.KeepGitDirectory ? "true" : "", "source.git.keepgitdir");
        source.Add("git.authtokensecret", git.TokenSecret, "source.git.httpauth");
        source.Add("git.authheadersecret", git.HeaderSecret, "source.git.httpauth");
        source.Add("git.checksum", git.Checksum, "source.git.checksum");
        if (address.IsSsh)
        {
            source.Add("git.knownsshhosts", git.KnownHosts, "source.git.knownsshhosts");
            source.Add("git.mountsshsock", git.SshAgent, "source.git.mountsshsock");
        }
        return new(new SourceVertex(source, null, options), 0);
    }

    /// <summary>Whether <see cref="Git"/> takes the text as a remote.</summary>
    public static bool IsGitRemote(string text) => GitRemote.TryParse(text) is not null;

    private static string? Json(IReadOnlyList<string> patterns) =>
        patterns.Count == 0 ? null : JsonSerializer.Serialize(patterns, LlbJson.Default.IReadOnlyListString);

    private static string? Number(int value) => value == 0 ? null : value.ToString(CultureInfo.InvariantCulture);
}
