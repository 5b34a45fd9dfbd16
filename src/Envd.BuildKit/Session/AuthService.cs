using Envd.BuildKit.Protocol.Session;

namespace Envd.BuildKit.Session;

/// <summary>Where registry credentials come from.</summary>
public interface IRegistryCredentials
{
    /// <summary>User name and password (or identity token with an empty name); null where nothing is known for the host.</summary>
    Task<RegistryLogin?> FindAsync(string host, CancellationToken cancellationToken);
}

/// <summary>A login at a registry.</summary>
/// <param name="UserName">Empty where <paramref name="Secret"/> is an identity token.</param>
/// <param name="Secret">Password or token; never logged.</param>
public sealed record RegistryLogin(string UserName, string Secret)
{
    /// <inheritdoc />
    public override string ToString() => $"{UserName}:***";
}

/// <summary>Knows no registry.</summary>
internal sealed class NoCredentials : IRegistryCredentials
{
    public static NoCredentials Instance { get; } = new();

    public Task<RegistryLogin?> FindAsync(string host, CancellationToken cancellationToken) => Task.FromResult<RegistryLogin?>(null);
}

/// <summary>Answers the engine's question for a registry's credentials.</summary>
internal sealed class AuthService(IRegistryCredentials credentials)
{
    public void Register(IDictionary<string, SessionMethod> methods) =>
        methods["/moby.filesync.v1.Auth/Credentials"] = async call =>
        {
            var request = await call.ReadAsync(CredentialsRequest.Parser) ?? new CredentialsRequest();
            var login = await credentials.FindAsync(request.Host, call.Cancelled);
            await call.WriteAsync(new CredentialsResponse { Username = login?.UserName ?? "", Secret = login?.Secret ?? "" });
        };
}
