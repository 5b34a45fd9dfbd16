using System.Buffers;
using System.Text;
using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.FileSync;
using Envd.BuildKit.Session;

namespace Envd.BuildKit.FileSync;

/// <summary>
/// The receiving half of fsutil's protocol, for the <c>local</c> exporter: asks for every regular file and writes it below one folder.
/// Nothing is ever written outside of it: names are checked, a folder is entered only after it was sent, and no path leads through a link.
/// </summary>
internal sealed class DiffCopyReceiver(ServerCall call, string root)
{
    private const int MaximumName = 255;
    private const int MaximumDepth = 1000;
    private const int MaximumPath = 4096;

    private readonly Dictionary<uint, ReceivedFile> _open = [];
    private readonly Dictionary<uint, Stat> _stats = [];
    private readonly List<(string Path, Stat Stat)> _directories = [];
    private readonly HashSet<string> _entered = new(StringComparer.Ordinal) { "" };
    private readonly HashSet<string> _files = new(StringComparer.Ordinal);
    private uint _next;
    private int _pending;
    private bool _listed;

    public async Task RunAsync()
    {
        Directory.CreateDirectory(root);
        try
        {
            while (true)
            {
                var result = await call.Reader.ReadAsync(call.Cancelled);
                var buffer = result.Buffer;
                var ended = await TakeAsync(buffer);
                if (ended)
                    return;
                if (result.IsCompleted)
                    throw new FileSyncException(root, "The engine ended the export in its middle.");
            }
        }
        finally
        {
            foreach (var file in _open.Values)
                file.Dispose();
        }
    }

    /// <summary>Handles all whole packets of the buffer; true where the last one ended the export.</summary>
    private async Task<bool> TakeAsync(ReadOnlySequence<byte> buffer)
    {
        var requested = false;
        while (GrpcFraming.TryTake(buffer, out var payload))
        {
            buffer = buffer.Slice(payload.End);
            if (WireFields.TryReadData(payload, out var id, out var data))
            {
                if (data.IsEmpty)
                    Finish(id);
                else
                    File(id).Write(data);
            }
            else
            {
                var packet = Packet.Parser.ParseFrom(payload);
                if (packet.Type == PacketType.PacketFin)
                {
                    call.Reader.AdvanceTo(buffer.Start);
                    return true;
                }
                requested |= Handle(packet);
            }
            if (_listed && _pending == 0)
            {
                _listed = false;
                FinishDirectories();
                GrpcFraming.Write(call.Writer, new Packet { Type = PacketType.PacketFin });
                requested = true;
            }
        }
        call.Reader.AdvanceTo(buffer.Start, buffer.End);
        if (requested)
            await call.Writer.FlushAsync(call.Cancelled);
        return false;
    }

    /// <summary>Handles what carries no data; true where something was written that must be sent.</summary>
    private bool Handle(Packet packet)
    {
        switch (packet.Type)
        {
            case PacketType.PacketStat when packet.Stat is null or { Path: "" }:
                _listed = true;
                return false;
            case PacketType.PacketStat:
                var asks = Place(_next, packet.Stat);
                if (asks)
                {
                    _pending++;
                    GrpcFraming.Write(call.Writer, new Packet { Type = PacketType.PacketReq, Id = _next });
                }
                _next++;
                return asks;
            case PacketType.PacketErr:
                throw new FileSyncException(root, "The engine stopped the export: " + packet.Data.ToStringUtf8());
            default:
                throw new FileSyncException(root, "The engine sent a packet that has no place in an export.");
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
            _entered.Add(stat.Path);
            return false;
        }
        if ((stat.Mode & (GoFileMode.Device | GoFileMode.Fifo | GoFileMode.Socket)) != 0)
            throw new FileSyncException(stat.Path, $"'{stat.Path}' is a device, pipe or socket, which no export holds.");
        ClearWay(path, keepFolder: false);
        if ((stat.Mode & GoFileMode.Link) != 0)
        {
            if (stat.Linkname.Length == 0 || stat.Linkname.Contains('\0', StringComparison.Ordinal))
                throw new FileSyncException(stat.Path, $"'{stat.Path}' is a link to nothing.");
            System.IO.File.CreateSymbolicLink(path, stat.Linkname);
            return false;
        }
        if (stat.Linkname.Length > 0)
        {
            // A hard link is one to a file of this very export, or it would reach out of the folder.
            if (!_files.Contains(stat.Linkname))
                throw new FileSyncException(stat.Path, $"'{stat.Path}' is a hard link to '{Shown(stat.Linkname)}', which was not sent.");
            UnixFiles.HardLink(Resolve(stat.Linkname), path);
            _files.Add(stat.Path);
            return false;
        }
        _open[id] = new ReceivedFile(path, FileMode.CreateNew);
        _stats[id] = stat;
        _files.Add(stat.Path);
        return true;
    }

    private ReceivedFile File(uint id) =>
        _open.TryGetValue(id, out var file) ? file : throw new FileSyncException(root, $"The engine sent data for entry {id}, which was not asked for.");

    private void Finish(uint id)
    {
        var file = File(id);
        file.Dispose();
        _open.Remove(id);
        Dress(file.Path, _stats[id]);
        _stats.Remove(id);
        _pending--;
    }

    private void FinishDirectories()
    {
        // Children before parents, since writing into a folder moves its time.
        for (var i = _directories.Count - 1; i >= 0; i--)
            Dress(_directories[i].Path, _directories[i].Stat);
    }

    private static void Dress(string path, Stat stat)
    {
        foreach (var (name, value) in stat.Xattrs)
            UnixFiles.SetAttribute(path, name, value.Span);
        if (!OperatingSystem.IsWindows())
            System.IO.File.SetUnixFileMode(path, (UnixFileMode)GoFileMode.ToPermissions(stat.Mode));
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
        if (segments.Length > MaximumDepth || path.Length > MaximumPath)
            throw new FileSyncException(Shown(path), "The engine sent a path that is too deep.");
        foreach (var segment in segments)
            if (segment is "" or "." or ".." || Encoding.UTF8.GetByteCount(segment) > MaximumName || segment.AsSpan().IndexOfAny('\0', '\\') >= 0)
                throw new FileSyncException(Shown(path), "The engine sent a path that leads out of the folder or is no file name.");
        // Each folder on the way was sent before what is in it, and is a folder here: a link in its place is none.
        var parent = path.LastIndexOf('/') is var cut && cut < 0 ? "" : path[..cut];
        if (!_entered.Contains(parent))
            throw new FileSyncException(Shown(path), "The engine sent a path that leads through a link or a folder that it did not send.");
        return Path.Combine(root, path);
    }

    private static string Shown(string path) => path.Length <= 200 ? path : path[..200] + "…";
}
