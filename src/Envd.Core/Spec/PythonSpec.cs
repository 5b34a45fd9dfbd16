namespace Envd.Core.Spec;

/// <summary>The Python of an environment.</summary>
public sealed record PythonSpec
{
    /// <summary>What sees to the interpreter: empty for the base and its distribution, <c>uv</c>, or <c>conda</c> for the environment of conda.</summary>
    public string Manager { get; init; } = "";

    /// <summary>Projects that are installed after their dependencies.</summary>
    public IReadOnlyList<PythonProjectSpec> Projects { get; init; } = [];

    /// <summary>Wheels in the context.</summary>
    public IReadOnlyList<string> Wheels { get; init; } = [];

    /// <summary>Variables of the steps that build packages, by name.</summary>
    public IReadOnlyList<NamedValue> BuildEnvironment { get; init; } = [];

    /// <summary>Requirements that are built with what is installed already, after all others.</summary>
    public IReadOnlyList<string> Unisolated { get; init; } = [];

    /// <summary>A prefix such as <c>3.12</c>; empty takes the base's own interpreter, else the distribution's.</summary>
    public required string Version { get; init; }

    /// <summary>The distribution's packages are visible in the virtual environment.</summary>
    public bool SystemSitePackages { get; init; }

    /// <summary>Packages are installed on top of the system's packages (they compile), not beside them.</summary>
    public bool OnSystem { get; init; }

    /// <summary>PEP 508 requirements, sorted by name.</summary>
    public IReadOnlyList<string> Requirements { get; init; } = [];

    /// <summary>Requirements files in the context, in declared order.</summary>
    public IReadOnlyList<RequirementsFileSpec> Files { get; init; } = [];

    /// <summary>Every file that the requirements files include, they themselves too.</summary>
    public IReadOnlyList<string> FileClosure { get; init; } = [];

    /// <summary>Indexes; none means PyPI.</summary>
    public IReadOnlyList<PythonIndexSpec> Indexes { get; init; } = [];
}

/// <summary>A Python project of the context.</summary>
/// <param name="Path">Its folder, relative to the context; empty is the context itself.</param>
/// <param name="Name">Normalised.</param>
/// <param name="Extras">Of its own.</param>
/// <param name="Editable">The environment imports from the mounted folder rather than from a copy.</param>
public sealed record PythonProjectSpec(string Path, string Name, IReadOnlyList<string> Extras, bool Editable);

/// <summary>A requirements file.</summary>
/// <param name="Path">Relative to the context.</param>
/// <param name="ConstraintsOnly">Bounds versions without installing.</param>
public sealed record RequirementsFileSpec(string Path, bool ConstraintsOnly);

/// <summary>A Python package index.</summary>
/// <param name="Name"><c>pypi</c> is the default one.</param>
/// <param name="Url">An http address; empty for a folder of this machine, whose path is no part of the spec.</param>
/// <param name="Format"><c>simple</c> (PEP 503) or <c>flat</c> (a page or folder of files).</param>
/// <param name="Trusted">TLS is not verified.</param>
/// <param name="UserName">Of the login whose password is <paramref name="Secret"/>.</param>
/// <param name="Secret">The id of a secret; empty where the index wants no login.</param>
/// <param name="Packages">Names that come from here and only from here; empty is every name.</param>
public sealed record PythonIndexSpec(string Name, string Url, string Format, bool Trusted, string UserName = "", string Secret = "", IReadOnlyList<string>? Packages = null);
