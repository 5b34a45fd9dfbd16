using Envd.BuildKit.Content;
using Envd.BuildKit.Protocol.Content;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Envd.BuildKit.Session;

/// <summary>Lets the engine read and write the blobs of OCI layouts: images it starts from, images it exports, caches.</summary>
internal sealed class ContentService(IReadOnlyDictionary<string, OciLayout> stores, SessionFaults faults)
{
    private const string Service = "/containerd.services.content.v1.Content/";
    private const int AlreadyExists = 6;
    private const int FailedPrecondition = 9;
    private const int ChunkSize = 1024 * 1024;

    public void Register(IDictionary<string, SessionMethod> methods)
    {
        methods[Service + "Info"] = InfoAsync;
        methods[Service + "Update"] = UpdateAsync;
        methods[Service + "Read"] = ReadAsync;
        methods[Service + "Write"] = WriteAsync;
        // Every write starts anew, so nothing is ever half done for an engine to ask about.
        methods[Service + "Status"] = _ => throw new SessionStatusException(RpcException.NotFound, "no such write");
        methods[Service + "ListStatuses"] = call => call.WriteAsync(new ListStatusesResponse());
        methods[Service + "Abort"] = call => call.WriteAsync(new Protocol.Content.Empty());
    }

    private OciLayout StoreOf(ServerCall call)
    {
        var id = call.Metadata("buildkit-attachable-store-id") is [var first, ..] ? first : "";
        return stores.TryGetValue(id, out var store) ? store : throw new SessionStatusException(RpcException.NotFound, $"no content store '{id}' in this session");
    }

    private static FileInfo BlobOf(OciLayout store, string digest) =>
        store.FindBlob(digest) is { } path ? new FileInfo(path) : throw new SessionStatusException(RpcException.NotFound, $"content {digest}: not found");

    private static Info Describe(FileInfo blob, string digest) => new()
    {
        Digest = digest,
        Size = blob.Length,
        CreatedAt = Timestamp.FromDateTime(blob.LastWriteTimeUtc),
        UpdatedAt = Timestamp.FromDateTime(blob.LastWriteTimeUtc),
    };

    private async Task InfoAsync(ServerCall call)
    {
        var request = await call.ReadAsync(ContentInfoRequest.Parser) ?? new ContentInfoRequest();
        await call.WriteAsync(new ContentInfoResponse { Info = Describe(BlobOf(StoreOf(call), request.Digest), request.Digest) });
    }

    // Labels are the engine's own book-keeping; a folder of blobs has no place for them, and none is asked for again.
    private async Task UpdateAsync(ServerCall call)
    {
        var request = await call.ReadAsync(UpdateRequest.Parser) ?? new UpdateRequest();
        await call.WriteAsync(new UpdateResponse { Info = Describe(BlobOf(StoreOf(call), request.Info?.Digest ?? ""), request.Info!.Digest) });
    }

    private async Task ReadAsync(ServerCall call)
    {
        var request = await call.ReadAsync(ReadContentRequest.Parser) ?? new ReadContentRequest();
        var blob = BlobOf(StoreOf(call), request.Digest);
        using var file = File.OpenHandle(blob.FullName);
        var end = request.Size > 0 ? Math.Min(blob.Length, request.Offset + request.Size) : blob.Length;
        var buffer = new byte[Math.Max(1, Math.Min(ChunkSize, end - request.Offset))];
        for (var offset = request.Offset; offset < end;)
        {
            var count = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(buffer.Length, end - offset)), offset, call.Cancelled);
            if (count == 0)
                throw new SessionStatusException(FailedPrecondition, $"content {request.Digest} is shorter than it was");
            await call.WriteAsync(new ReadContentResponse { Offset = offset, Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, count)) });
            offset += count;
        }
    }

    private async Task WriteAsync(ServerCall call)
    {
        var store = StoreOf(call);
        OciLayout.BlobWriter? writer = null;
        var started = Timestamp.FromDateTime(DateTime.UtcNow);
        try
        {
            while (await call.ReadAsync(WriteContentRequest.Parser) is { } request)
            {
                if (request.Expected.Length > 0 && store.FindBlob(request.Expected) is not null)
                    throw new SessionStatusException(AlreadyExists, $"content {request.Expected}: already exists");
                writer ??= store.Open(request.Expected, request.Total);
                var response = new WriteContentResponse { Action = request.Action, StartedAt = started, UpdatedAt = started };
                if (request.Action is WriteAction.Write or WriteAction.Commit && !request.Data.IsEmpty)
                {
                    if (request.Offset != writer.Offset)
                        throw new SessionStatusException(FailedPrecondition, $"the write is at {writer.Offset}, not at {request.Offset}");
                    await writer.WriteAsync(request.Data.Memory, call.Cancelled);
                }
                if (request.Action == WriteAction.Commit)
                    response.Digest = writer.Commit(request.Total, request.Expected);
                response.Offset = writer.Offset;
                response.Total = writer.Total;
                await call.WriteAsync(response);
            }
        }
        catch (FormatException e)
        {
            throw new SessionStatusException(FailedPrecondition, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && !call.Cancelled.IsCancellationRequested)
        {
            var fault = new FileSyncException(store.Folder, $"A blob cannot be written to '{store.Folder}': {e.Message}", e);
            faults.Add(fault);
            throw fault;
        }
        finally
        {
            writer?.Dispose();
        }
    }
}
