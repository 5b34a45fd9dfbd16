namespace Envd.Core.Diagnostics;

/// <summary>
/// Every code that Envd shows; docs/errors.md explains each. 1xxx project file, 2xxx graph, 3xxx engine, 4xxx packages and steps, 5xxx start.
/// </summary>
public static class ErrorCodes
{
    /// <summary>A wildcard in the Include or Exclude of a package: MSBuild makes a glob of it and the item vanishes.</summary>
    public const string GlobInInclude = "ENVD1001";

    /// <summary>A version in the Include of a package.</summary>
    public const string VersionInInclude = "ENVD1002";

    /// <summary>MSBuild expanded, or would swallow, a part of shell text.</summary>
    public const string ExpandedShellText = "ENVD1003";

    /// <summary>An attribute that MSBuild takes for itself without a word.</summary>
    public const string SwallowedAttribute = "ENVD1004";

    /// <summary>Metadata that the item does not have.</summary>
    public const string UnknownMetadata = "ENVD1005";

    /// <summary>A name that cannot be one.</summary>
    public const string InvalidName = "ENVD1006";

    /// <summary>A value that its metadata or property does not take.</summary>
    public const string InvalidValue = "ENVD1007";

    /// <summary>A file that is named and not there.</summary>
    public const string MissingFile = "ENVD1008";

    /// <summary>A required metadata is missing, or two exclude each other.</summary>
    public const string MetadataConflict = "ENVD1009";

    /// <summary>One thing declared twice in ways that contradict.</summary>
    public const string Contradiction = "ENVD1010";

    /// <summary>A language or service that Envd does not know.</summary>
    public const string UnknownKind = "ENVD1011";

    /// <summary>A secret written into the project file.</summary>
    public const string LiteralSecret = "ENVD1012";

    /// <summary>Two services or ports on one port.</summary>
    public const string PortConflict = "ENVD1013";

    /// <summary>The project file is not XML that MSBuild reads.</summary>
    public const string NotXml = "ENVD1014";

    /// <summary>The state folder cannot be written.</summary>
    public const string StateNotWritable = "ENVD1015";

    /// <summary>MSBuild is older than this SDK needs.</summary>
    public const string MSBuildTooOld = "ENVD1016";

    /// <summary>A referenced C# project has not been restored.</summary>
    public const string ReferenceNotRestored = "ENVD1017";

    /// <summary>No project, or more than one, where the command looked.</summary>
    public const string NoProject = "ENVD1018";

    /// <summary>MSBuild could not evaluate the project.</summary>
    public const string EvaluationFailed = "ENVD1019";

    /// <summary>A module of a repository cannot be fetched, read or written.</summary>
    public const string ModuleFailed = "ENVD1020";

    /// <summary>A lock file cannot be used.</summary>
    public const string LockUnreadable = "ENVD1021";

    /// <summary>The project has changed since its lock was made, and EnvdLocked forbids to make it anew.</summary>
    public const string LockStale = "ENVD1022";

    /// <summary>A stage that nothing declares.</summary>
    public const string UnknownStage = "ENVD2001";

    /// <summary>Stages that need each other.</summary>
    public const string StageCycle = "ENVD2002";

    /// <summary>A stage that nothing takes from.</summary>
    public const string UnusedStage = "ENVD2003";

    /// <summary>The engine has no merge, and the graph cannot do without.</summary>
    public const string NeedsMerge = "ENVD2004";

    /// <summary>An item that nothing uses.</summary>
    public const string UnusedItem = "ENVD2005";

    /// <summary>No engine answers.</summary>
    public const string NoEngine = "ENVD3001";

    /// <summary>The engine ended, or was cut off, while it worked.</summary>
    public const string EngineLost = "ENVD3002";

    /// <summary>The engine lacks something that is needed.</summary>
    public const string EngineTooOld = "ENVD3003";

    /// <summary>The engine refused the build.</summary>
    public const string EngineRefused = "ENVD3004";

    /// <summary>The engine's disk is full.</summary>
    public const string EngineDiskFull = "ENVD3005";

    /// <summary>A file of the context could not be sent.</summary>
    public const string ContextUnreadable = "ENVD3006";

    /// <summary>The worker ended without an answer.</summary>
    public const string WorkerFailed = "ENVD3007";

    /// <summary>SDK and command do not fit each other.</summary>
    public const string ProtocolMismatch = "ENVD3008";

    /// <summary>A step's command failed.</summary>
    public const string StepFailed = "ENVD4001";

    /// <summary>A package that its index does not have.</summary>
    public const string PackageNotFound = "ENVD4002";

    /// <summary>The base image cannot be had.</summary>
    public const string ImageNotFound = "ENVD4003";

    /// <summary>The base image lacks what the declared items need.</summary>
    public const string UnsuitableBase = "ENVD4004";

    /// <summary>An index or an archive that a step downloads from cannot be reached.</summary>
    public const string IndexUnreachable = "ENVD4005";

    /// <summary>A download is not the file that its checksum was made of.</summary>
    public const string ChecksumMismatch = "ENVD4006";

    /// <summary>No versions go together with all that is asked for.</summary>
    public const string Unsatisfiable = "ENVD4007";

    /// <summary>Two packages of Python write one path (a warning).</summary>
    public const string PathOverlap = "ENVD4008";

    /// <summary>A package of the lock does not suit the base's Python or platform.</summary>
    public const string WheelUnsuitable = "ENVD4009";

    /// <summary>A port of this machine is taken.</summary>
    public const string HostPortTaken = "ENVD5001";

    /// <summary>The environment does not run.</summary>
    public const string NotRunning = "ENVD5002";

    /// <summary>A service did not become ready.</summary>
    public const string NotReady = "ENVD5003";

    /// <summary>A secret of the start cannot be read.</summary>
    public const string SecretUnavailable = "ENVD5004";

    /// <summary>A container of that name is not ours.</summary>
    public const string NameTaken = "ENVD5005";

    /// <summary>The engine could not create or start the container.</summary>
    public const string StartFailed = "ENVD5006";

    /// <summary>A mount's source is not there.</summary>
    public const string MountSourceMissing = "ENVD5007";

    /// <summary>A dataset cannot be fetched.</summary>
    public const string DatasetUnavailable = "ENVD5008";
}
