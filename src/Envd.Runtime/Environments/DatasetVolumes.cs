using System.Formats.Tar;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Envd.Core.Diagnostics;
using Envd.Core.Spec;
using Envd.Runtime.Docker;

namespace Envd.Runtime.Environments;

/// <summary>Fills the volumes of datasets: each once for an engine, whichever environment asks first.</summary>
internal sealed class DatasetVolumes(IDockerApi docker, Action<string> report)
{
    private const string Folder = "/envd-dataset";

    // The last thing that is written: a volume without it was filled in part.
    private const string Complete = ".envd-complete";

    /// <summary>Fetches what is not there yet.</summary>
    /// <exception cref="EnvdException">A source cannot be read.</exception>
    public async Task EnsureAsync(RunSpec run, string image, string projectFolder, CancellationToken cancellationToken)
    {
        foreach (var dataset in run.Datasets)
        {
            // A container that never runs is the engine's own way into a volume.
            var created = await docker.PostAsync("containers/create", new JsonObject
            {
                ["Image"] = image,
                ["HostConfig"] = new JsonObject { ["Mounts"] = new JsonArray(new JsonObject { ["Type"] = "volume", ["Source"] = dataset.Volume, ["Target"] = Folder }) },
            }, cancellationToken);
            var id = created!["Id"]!.GetValue<string>();
            try
            {
                await using var there = await docker.GetArchiveAsync(id, $"{Folder}/{Complete}", cancellationToken);
                if (there is not null)
                    continue;
                report($"Fetching the dataset {dataset.Name}.");
                await FillAsync(dataset, id, projectFolder, cancellationToken);
            }
            finally
            {
                await docker.DeleteAsync($"containers/{id}?force=true", CancellationToken.None);
            }
        }
    }

    private async Task FillAsync(DatasetSpec dataset, string container, string projectFolder, CancellationToken cancellationToken)
    {
        var spool = Path.GetTempFileName();
        try
        {
            await using (var file = File.Create(spool))
                await DownloadAsync(dataset, file, projectFolder, cancellationToken);
            var archive = Path.GetTempFileName();
            try
            {
                await using (var tar = new TarWriter(File.Create(archive), TarEntryFormat.Pax))
                await using (var data = File.OpenRead(spool))
                    await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, Uri.UnescapeDataString(Path.GetFileName(new Uri(dataset.Source).AbsolutePath)).Replace('/', '_'))
                    {
                        Mode = (UnixFileMode)0x1B4,
                        DataStream = data,
                    }, cancellationToken);
                await using (var stream = File.OpenRead(archive))
                    await docker.PutArchiveAsync(container, Folder, stream, cancellationToken);
            }
            finally
            {
                File.Delete(archive);
            }
            using var marker = new MemoryStream();
            await using (var tar = new TarWriter(marker, TarEntryFormat.Ustar, leaveOpen: true))
                await tar.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, Complete) { Mode = (UnixFileMode)0x124, DataStream = new MemoryStream() }, cancellationToken);
            marker.Position = 0;
            await docker.PutArchiveAsync(container, Folder, marker, cancellationToken);
        }
        finally
        {
            File.Delete(spool);
        }
    }

    private static async Task DownloadAsync(DatasetSpec dataset, Stream file, string projectFolder, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Get, dataset.Source);
        if (dataset.SecretSource.Length > 0)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ServiceTokens.Secret(dataset.Name, dataset.SecretSource, projectFolder).Trim());
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw new EnvdException(ErrorCodes.DatasetUnavailable, $"The dataset '{dataset.Name}' cannot be had: {dataset.Source} answers {(int)response.StatusCode}.", "Check its Source, and its Secret.");
            await response.Content.CopyToAsync(file, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new EnvdException(ErrorCodes.DatasetUnavailable, $"The dataset '{dataset.Name}' cannot be had: {e.Message}", "Check its Source, the network and the free space; then start again.", inner: e);
        }
    }
}
