namespace Envd.Llb;

/// <summary>A git remote in the two forms that BuildKit wants: an address, and host and path alone.</summary>
internal sealed record GitRemote(string Url, string HostAndPath, bool IsSsh)
{
    public static GitRemote Parse(string remote) =>
        TryParse(remote) ?? throw new FormatException($"'{remote}' is no git remote; write https://host/path.git, ssh://git@host/path or git@host:path.");

    public static GitRemote? TryParse(string remote)
    {
        if (remote.StartsWith('-') || remote.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            return null;
        if (Uri.TryCreate(remote, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "ssh" or "git" && uri.Host.Length > 0)
            return new GitRemote(remote, uri.Authority + uri.AbsolutePath, uri.Scheme == "ssh");
        // scp's form: user@host:path
        var colon = remote.IndexOf(':', StringComparison.Ordinal);
        var at = remote.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && colon > at + 1 && colon < remote.Length - 1 && !remote.Contains("://", StringComparison.Ordinal)
            ? new GitRemote(remote, remote[(at + 1)..colon] + "/" + remote[(colon + 1)..].TrimStart('/'), true)
            : null;
    }
}
