using System.Globalization;
using Envd.BuildKit.FileSync;
using Envd.BuildKit.Protocol;

namespace Envd.BuildKit.Session;

/// <summary>Receives what exporters send to the client.</summary>
internal sealed class ExportService(IReadOnlyList<IExportTarget?> targets, SessionFaults faults)
{
    public void Register(IDictionary<string, SessionMethod> methods) =>
        methods["/moby.filesync.v1.FileSend/DiffCopy"] = ReceiveAsync;

    private async Task ReceiveAsync(ServerCall call)
    {
        // Engines older than several exporters per solve send no id.
        var id = call.Metadata("buildkit-attachable-exporter-id") is [var text, ..]
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : 0;
        var target = id < targets.Count ? targets[id] : null;
        if (target is null)
            throw new SessionStatusException(RpcException.NotFound, $"no export {id} in this session");
        try
        {
            if (target.IsFolder)
                await new DiffCopyReceiver(call, target.Path).RunAsync();
            else
                await ReceiveFileAsync(call, target.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var fault = new FileSyncException(target.Path, $"The export to '{target.Path}' failed: {e.Message}", e);
            faults.Add(fault);
            throw fault;
        }
    }

    private static async Task ReceiveFileAsync(ServerCall call, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = path + ".partial";
        try
        {
            await using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 0))
            {
                while (await call.ReadAsync(BytesMessage.Parser) is { } message)
                    await file.WriteAsync(message.Data.Memory, call.Cancelled);
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
