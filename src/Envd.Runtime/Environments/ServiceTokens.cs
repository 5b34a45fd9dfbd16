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

    private static string Resolve(ServiceToken token, string projectFolder)
    {
        if (token.Source == "random")
            return Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        if (token.Source == "none")
            return "";
        if (token.Source.StartsWith("env:", StringComparison.Ordinal))
            return Environment.GetEnvironmentVariable(token.Source[4..]) is { Length: > 0 } value ? value
                : throw Unavailable(token, $"the variable {token.Source[4..]} is not set");
        try
        {
            return File.ReadAllText(Path.Combine(projectFolder, token.Source["file:".Length..])).Trim() is { Length: > 0 } text ? text : throw Unavailable(token, "the file is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(token, e.Message);
        }
    }

    private static EnvdException Unavailable(ServiceToken token, string why) =>
        new(ErrorCodes.SecretUnavailable, $"The token of the service '{token.Service}' comes from {token.Source}, and {why}.", "Set it, or leave Token out for a random one.");
}
