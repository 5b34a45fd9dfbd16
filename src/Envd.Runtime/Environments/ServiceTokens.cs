using System.Security.Cryptography;
using Envd.Core.Diagnostics;
using Envd.Core.Spec;

namespace Envd.Runtime.Environments;

/// <summary>Finds the tokens of services. They reach the container as files, never as arguments or variables of it.</summary>
internal static class ServiceTokens
{
    /// <summary>Tokens by service; an empty one turns the service's own check off.</summary>
    /// <exception cref="EnvdException">A token's source cannot be read.</exception>
    public static IReadOnlyDictionary<string, string> Resolve(RunSpec run, string projectFolder) =>
        run.Tokens.ToDictionary(t => t.Service, t => Resolve(t, projectFolder), StringComparer.Ordinal);

    /// <summary>Secrets of the running environment by id.</summary>
    /// <exception cref="EnvdException">A source cannot be read.</exception>
    public static IReadOnlyDictionary<string, string> Secrets(RunSpec run, string projectFolder) =>
        run.StartSecrets.ToDictionary(s => s.Id, s => Secret(s.Id, s.Source, projectFolder), StringComparer.Ordinal);

    /// <summary>A secret by its source.</summary>
    /// <exception cref="EnvdException">The source cannot be read.</exception>
    public static string Secret(string id, string source, string projectFolder) =>
        Read(source, projectFolder, why => new EnvdException(ErrorCodes.SecretUnavailable, $"The secret '{id}' comes from {source}, and {why}.", "Set it, or remove the Secret."));

    private static string Resolve(ServiceToken token, string projectFolder)
    {
        if (token.Source == "random")
            return Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        if (token.Source == "none")
            return "";
        return Read(token.Source, projectFolder, why => Unavailable(token, why)).Trim();
    }

    private static string Read(string source, string projectFolder, Func<string, EnvdException> unavailable)
    {
        if (source.StartsWith("env:", StringComparison.Ordinal))
            return Environment.GetEnvironmentVariable(source[4..]) is { Length: > 0 } value ? value : throw unavailable($"the variable {source[4..]} is not set");
        try
        {
            return File.ReadAllText(Path.Combine(projectFolder, source["file:".Length..])) is var text && text.Trim().Length > 0 ? text : throw unavailable("the file is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw unavailable(e.Message);
        }
    }

    private static EnvdException Unavailable(ServiceToken token, string why) =>
        new(ErrorCodes.SecretUnavailable, $"The token of the service '{token.Service}' comes from {token.Source}, and {why}.", "Set it, or leave Token out for a random one.");
}
