using Envd.BuildKit.FileSync;
using Envd.Llb;

namespace Envd.BuildKit.Session;

/// <summary>Sends the folders that a solve's <c>local://</c> sources name.</summary>
internal sealed class FileSyncService(IReadOnlyDictionary<string, LocalFolder> folders, SessionFaults faults)
{
    public void Register(IDictionary<string, SessionMethod> methods) =>
        methods["/moby.filesync.v1.FileSync/DiffCopy"] = DiffCopyAsync;

    private async Task DiffCopyAsync(ServerCall call)
    {
        var name = call.Metadata("dir-name") is [var first, ..] ? first : "";
        if (!folders.TryGetValue(name, out var folder))
            throw new SessionStatusException(RpcException.NotFound, $"no folder '{name}' in this session");
        var exclude = new PatternSet(folder.Ignore.Concat(call.Metadata("exclude-patterns")));
        try
        {
            var followed = new LinkFollower(folder.Path).Follow(call.Metadata("followpaths"));
            var include = new PatternSet(call.Metadata("include-patterns").Concat(followed));
            await new DiffCopySender(call, folder.Path, include, exclude).RunAsync();
        }
        catch (FileSyncException e)
        {
            faults.Add(e);
            throw;
        }
    }
}
