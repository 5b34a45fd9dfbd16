using Envd.BuildKit.Protocol.FileSync;
using Envd.BuildKit.Session;

namespace Envd.BuildKit.FileSync;

/// <summary>
/// The receiving half of fsutil's protocol, for the <c>local</c> exporter: asks for every regular file and writes it below one folder.
/// Nothing is ever written outside of it: names are checked, and no path is followed through a link.
/// </summary>
internal sealed class DiffCopyReceiver(ServerCall call, string root)
{
    private const int MaximumName = 255;
    private const int MaximumDepth = 1000;

    private readonly Dictionary<uint, FileStream> _open = [];
    private readonly Dictionary<uint, Stat> _stats = [];
    private readonly List<(string Path, Stat Stat)> _directories = [];
    private readonly HashSet<string> _links = new(StringComparer.Ordinal);

    public async Task RunAsync()
    {
        Directory.CreateDirectory(root);
        uint next = 0;
        var pending = 0;
        var listed = false;
        try
        {
            while (await call.ReadAsync(Packet.Parser) is { } packet)
            {
                switch (packet.Type)
                {
                    case PacketType.PacketStat when packet.Stat is null or { Path: "" }:
                        listed = true;
                        break;
                    case PacketType.PacketStat:
                        if (Place(next, packet.Stat))
                        {
                            pending++;
                            await call.WriteAsync(new Packet { Type = PacketType.PacketReq, Id = next });
                        }
                        next++;
                        break;
                    case PacketType.PacketData when packet.Data.IsEmpty:
                        await FinishAsync(packet.Id);
                        pending--;
                        break;
                    case PacketType.PacketData:
                        await File(packet.Id).WriteAsync(packet.Data.Memory, call.Cancelled);
                        break;
                    case PacketType.PacketErr:
                        throw new FileSyncException(root, "The engine stopped the export: " + packet.Data.ToStringUtf8());
                    case PacketType.PacketFin:
                        return;
                }
                if (listed && pending == 0)
                {
                    FinishDirectories();
                    listed = false;
                    await call.WriteAsync(new Packet { Type = PacketType.PacketFin });
                }
            }
        }
        finally
        {
            foreach (var file in _open.Values)
                await file.DisposeAsync();
        }
    }

    /// <summary>Makes the entry; true where its bytes must be asked for.</summary>
    private bool Place(uint id, Stat stat)
    {
        var path = Resolve(stat.Path);
        if ((stat.Mode & GoFileMode.Directory) != 0)
        {
            ClearWay(path, keepFolder: true);
            Directory.CreateDirectory(path);
            _directories.Add((path, stat));
            return false;
        }
        if ((stat.Mode & (GoFileMode.Device | GoFileMode.Fifo | GoFileMode.Socket)) != 0)
            throw new FileSyncException(stat.Path, $"'{stat.Path}' is a device, pipe or socket, which no export holds.");
        ClearWay(path, keepFolder: false);
        if ((stat.Mode & GoFileMode.Link) != 0)
        {
            System.IO.File.CreateSymbolicLink(path, stat.Linkname);
            _links.Add(stat.Path);
            return false;
        }
        if (stat.Linkname.Length > 0)
        {
            // A hard link to something of this very export: copied, since .NET makes none.
            var source = Resolve(stat.Linkname);
            System.IO.File.Copy(source, path, overwrite: true);
            Dress(path, stat);
            return false;
        }
        _open[id] = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        _stats[id] = stat;
        return true;
    }

    private FileStream File(uint id) =>
        _open.TryGetValue(id, out var file) ? file : throw new FileSyncException(root, $"The engine sent data for entry {id}, which was not asked for.");

    private async Task FinishAsync(uint id)
    {
        var file = File(id);
        await file.DisposeAsync();
        _open.Remove(id);
        Dress(file.Name, _stats[id]);
        _stats.Remove(id);
    }

    private void FinishDirectories()
    {
        // Children before parents, since writing into a folder moves its time.
        for (var i = _directories.Count - 1; i >= 0; i--)
            Dress(_directories[i].Path, _directories[i].Stat);
    }

    private static void Dress(string path, Stat stat)
    {
        if (!OperatingSystem.IsWindows())
            System.IO.File.SetUnixFileMode(path, (UnixFileMode)(stat.Mode & GoFileMode.Permissions));
        System.IO.File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddTicks(stat.ModTime / 100));
    }

    /// <summary>Removes what an earlier export left at this path.</summary>
    private static void ClearWay(string path, bool keepFolder)
    {
        FileSystemInfo info = new DirectoryInfo(path);
        if (info is { Exists: true, LinkTarget: null })
        {
            if (!keepFolder)
                Directory.Delete(path, recursive: true);
            return;
        }
        System.IO.File.Delete(path);
    }

    private string Resolve(string path)
    {
        var segments = path.Split('/');
        if (segments.Length > MaximumDepth)
            throw new FileSyncException(path[..100], "The engine sent a path that is too deep.");
        var parent = "";
        foreach (var segment in segments)
        {
            if (segment is "" or "." or ".." || segment.Length > MaximumName || segment.AsSpan().IndexOfAny('\0', '\\') >= 0)
                throw new FileSyncException(path, "The engine sent a path that leads out of the folder or is no file name.");
            if (_links.Contains(parent))
                throw new FileSyncException(path, "The engine sent a path that leads through a link.");
            parent = parent.Length == 0 ? segment : parent + "/" + segment;
        }
        return Path.Combine(root, path);
    }
}
