using System.Security.Cryptography;
using Envd.Core.Graph;

namespace Envd.Runtime.Images;

/// <summary>What an address itself says.</summary>
/// <param name="What">As a sentence without its end.</param>
/// <param name="IsOtherFile">It has another file than is wanted.</param>
/// <param name="IsThere">It has what is wanted: the engine was cut off.</param>
internal sealed record DownloadFinding(string What, bool IsOtherFile = false, bool IsThere = false);

/// <summary>
/// Asks an address itself where an engine could not have it: engines report a page that says "404" as a wrong digest, and do not try again.
/// </summary>
internal static class DownloadDiagnosis
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What is wrong with a download.</summary>
    public static async Task<DownloadFinding> AskAsync(DownloadOperation download, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await http.GetAsync(download.Url, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                return new($"{download.Url} answers {(int)response.StatusCode}");
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var digest = "sha256:" + Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancellationToken));
            return digest == download.Checksum || download.Checksum.Length == 0 ? new($"{download.Url} could not be had by the engine; from here it can", IsThere: true)
                : new($"{download.Url} is {digest}, and {download.Checksum} is wanted", IsOtherFile: true);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new($"{download.Url} cannot be had: {(e is TaskCanceledException ? "no answer within 30 s" : e.Message)}");
        }
    }
}
