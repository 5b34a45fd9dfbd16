using System.Security.Cryptography;
using Envd.Core.Graph;

namespace Envd.Runtime.Images;

/// <summary>
/// Asks an address itself where an engine could not have it: engines report a page that says "404" as a wrong digest, and do not try again.
/// </summary>
internal static class DownloadDiagnosis
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What is wrong with a download, as a sentence's end, and whether it is the file that differs.</summary>
    public static async Task<(string What, bool IsOtherFile)> AskAsync(DownloadOperation download, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await http.GetAsync(download.Url, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                return ($"{download.Url} answers {(int)response.StatusCode}", false);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var digest = "sha256:" + Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancellationToken));
            return digest == download.Checksum ? ($"{download.Url} could not be had by the engine; from here it can", false)
                : ($"{download.Url} is {digest}, and {download.Checksum} is wanted", true);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return ($"{download.Url} cannot be had: {(e is TaskCanceledException ? "no answer within 30 s" : e.Message)}", false);
        }
    }

    /// <summary>Does an engine's message tell of a connection rather than of what came over it?</summary>
    public static bool IsTransport(string message) =>
        message.Contains("connection reset", StringComparison.Ordinal) || message.Contains("connection refused", StringComparison.Ordinal) || message.Contains("i/o timeout", StringComparison.Ordinal)
        || message.Contains("unexpected EOF", StringComparison.Ordinal) || message.Contains("TLS handshake timeout", StringComparison.Ordinal) || message.EndsWith(": EOF", StringComparison.Ordinal);
}
