using System.Text.RegularExpressions;

namespace Envd.Core.Spec;

/// <summary>What may be a name of what. Nothing that passes here can be taken for an option or interpreted by a shell.</summary>
public static partial class Names
{
    /// <summary>A Debian package, with an architecture if need be (Debian Policy 5.6.7).</summary>
    public static bool IsAptPackage(string text) => AptPackage().IsMatch(text);

    /// <summary>A Debian version (Debian Policy 5.6.12).</summary>
    public static bool IsAptVersion(string text) => AptVersion().IsMatch(text);

    /// <summary>A package of an RPM distribution.</summary>
    public static bool IsDnfPackage(string text) => DnfPackage().IsMatch(text);

    /// <summary>A package of npm, with a scope if need be (docs.npmjs.com, package.json, "name").</summary>
    public static bool IsNpmPackage(string text) => NpmPackage().IsMatch(text);

    /// <summary>A package of R (Writing R Extensions 1.1.1) or of Julia.</summary>
    public static bool IsRPackage(string text) => RPackage().IsMatch(text);

    /// <summary>A package of conda.</summary>
    public static bool IsCondaPackage(string text) => CondaPackage().IsMatch(text);

    /// <summary>A build of a conda package, with wildcards.</summary>
    public static bool IsCondaBuild(string text) => CondaBuild().IsMatch(text);

    /// <summary>A channel of conda: a name, with labels if need be, or an address.</summary>
    public static bool IsCondaChannel(string text) => CondaChannel().IsMatch(text);

    /// <summary>An extension of Visual Studio Code, as <c>publisher.name</c>.</summary>
    public static bool IsExtension(string text) => Extension().IsMatch(text);

    /// <summary>A Python distribution (PEP 508, "Names").</summary>
    public static bool IsPythonPackage(string text) => PythonPackage().IsMatch(text);

    /// <summary>Two spellings of one Python name are equal after this (PEP 503).</summary>
    public static string NormalizePython(string name) => Separators().Replace(name, "-").ToLowerInvariant();

    /// <summary>An identifier of ours: stages, steps, services, indexes.</summary>
    public static bool IsIdentifier(string text) => Identifier().IsMatch(text);

    /// <summary>An environment variable.</summary>
    public static bool IsVariable(string text) => Variable().IsMatch(text);

    /// <summary>A label of an image (OCI annotations' common form).</summary>
    public static bool IsLabel(string text) => Label().IsMatch(text);

    /// <summary>An account, as useradd takes it.</summary>
    public static bool IsUser(string text) => User().IsMatch(text);

    /// <summary>A user of a step: a name or number, with a group if need be.</summary>
    public static bool IsUserReference(string text) => UserReference().IsMatch(text);

    /// <summary>An image reference as docker takes it.</summary>
    public static bool IsImageReference(string text) => ImageReference().IsMatch(text);

    /// <summary>A container's, volume's or repository's name made from any text.</summary>
    public static string ToSafeName(string text)
    {
        var safe = Unsafe().Replace(text.ToLowerInvariant(), "-").Trim('-', '.', '_');
        return safe.Length == 0 ? "environment" : safe;
    }

    /// <summary>The fully qualified form: <c>ubuntu</c> is <c>docker.io/library/ubuntu:latest</c>.</summary>
    public static string QualifyImage(string reference)
    {
        var slash = reference.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : reference[..slash];
        // A first part with a dot or port, or localhost, is a registry (the rule of Docker's reference library).
        var qualified = first.Length > 0 && (first.AsSpan().IndexOfAny(".:") >= 0 || first == "localhost") ? reference
            : slash < 0 ? "docker.io/library/" + reference
            : "docker.io/" + reference;
        var name = qualified[(qualified.LastIndexOf('/') + 1)..];
        return name.AsSpan().IndexOfAny(":@") >= 0 ? qualified : qualified + ":latest";
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex AptPackage();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9.+:~-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex AptVersion();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9+._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex DnfPackage();

    [GeneratedRegex(@"^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex NpmPackage();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9.]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex RPackage();

    [GeneratedRegex(@"^[a-z0-9_][a-z0-9._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex CondaPackage();

    [GeneratedRegex(@"^[A-Za-z0-9_*.]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex CondaBuild();

    [GeneratedRegex(@"^(https?://[A-Za-z0-9.:_-]+(/[A-Za-z0-9._~%+-]+)*/?|[A-Za-z0-9][A-Za-z0-9._/-]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex CondaChannel();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_-]*\.[A-Za-z0-9][A-Za-z0-9._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Extension();

    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex PythonPackage();

    [GeneratedRegex("[-_.]+", RegexOptions.CultureInvariant)]
    private static partial Regex Separators();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Identifier();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();

    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(@"^[a-z_][a-z0-9_-]{0,31}\z", RegexOptions.CultureInvariant)]
    private static partial Regex User();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex UserReference();

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9._-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ImageReference();

    [GeneratedRegex("[^a-z0-9._-]+", RegexOptions.CultureInvariant)]
    private static partial Regex Unsafe();
}
