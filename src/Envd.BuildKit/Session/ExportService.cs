using System.Globalization;
using Envd.BuildKit.FileSync;
using Envd.BuildKit.Grpc;

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
            if (target is FolderExportTarget)
                await new DiffCopyReceiver(call, target.Path).RunAsync();
            else
                await ReceiveFileAsync(call, target.Path);
        }
        catch (FileSyncException e)
        {
            faults.Add(e);
            throw;
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
            using (var file = new ReceivedFile(temporary, FileMode.Create))
            {
                while (true)
                {
                    var result = await call.Reader.ReadAsync(call.Cancelled);
                    var buffer = result.Buffer;
                    while (GrpcFraming.TryTake(buffer, out var payload))
                    {
                        buffer = buffer.Slice(payload.End);
                        if (WireFields.ReadBytes(payload) is { IsEmpty: false } data)
                            file.Write(data);
                    }
                    call.Reader.AdvanceTo(buffer.Start, buffer.End);
                    if (!result.IsCompleted)
                        continue;
                    if (!buffer.IsEmpty)
                        throw new IOException("the engine ended the export in its middle");
                    break;
                }
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
