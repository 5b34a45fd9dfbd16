using System.IO.Pipelines;
using System.Text;
using Envd.BuildKit.FileSync;
using Envd.BuildKit.Grpc;
using Envd.BuildKit.Protocol.FileSync;
using Envd.Llb;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;

namespace Envd.BuildKit.Tests;

/// <summary>The file sync protocol by itself: our sender against our receiver, and each against a peer that means harm.</summary>
[TestClass]
public sealed class FileSyncTests
{
    private static readonly PatternSet None = new([]);

    // What a peer may send that leads out of a folder, or is no file name, mixed with harmless names that give it depth.
    private static readonly Gen<string> NastyPath = Gen.OneOf(
        Gen.Elements("..", "../outside", "/etc/passwd", "a/../../outside", "a//b", "", ".", "a/./b", "a\0b", "link", "link/through", "link/../outside", "a\\..\\b", "existing/file",
            new string('n', 300), "ä" + new string('ö', 200), string.Concat(Enumerable.Repeat("d/", 10_000)) + "f", "a", "a/b", "a/b/c", "file"),
        Gen.ListOf(Gen.Elements("a", "b", "..", ".", "", "link"), 5).Select(p => string.Join('/', p)));

    [TestMethod]
    public async Task RoundTrip_AnyTree_IsTheSameTree()
    {
        var random = new Random(1);
        for (var round = 0; round < 30; round++)
        {
            using var folder = new TemporaryFolder();
            Directory.CreateDirectory(folder["in"]);
            MakeTree(folder["in"], random, depth: 3);
            await SyncAsync(folder["in"], folder["out"]);
            Assert.AreEqual(Describe(folder["in"]), Describe(folder["out"]), $"round {round}");
            // A second export into the same folder replaces what is there.
            await SyncAsync(folder["in"], folder["out"]);
            Assert.AreEqual(Describe(folder["in"]), Describe(folder["out"]), $"round {round}, again");
        }
    }

    [TestMethod]
    public async Task RoundTrip_ATreeThatChanges_EndsWellOrSaysWhichFile()
    {
        var failures = 0;
        for (var round = 0; round < 40; round++)
        {
            var random = new Random(round);
            using var folder = new TemporaryFolder();
            Directory.CreateDirectory(folder["in"]);
            MakeTree(folder["in"], random, depth: 3);
            File.WriteAllBytes(folder["in/large"], new byte[3_000_000]);
            using var stop = new CancellationTokenSource();
            var changing = Task.Run(() => Change(folder["in"], random, stop.Token), CancellationToken.None);
            try
            {
                await SyncAsync(folder["in"], folder["out"]).WaitAsync(TimeSpan.FromSeconds(20));
            }
            catch (FileSyncException)
            {
                failures++;
            }
            await stop.CancelAsync();
            await changing;
            Assert.IsFalse(File.Exists(folder["outside"]));
        }
        Assert.IsLessThan(40, failures, "a tree that changes can be sent at times");
    }

    [TestMethod]
    public void Receiver_AnyPathOfAnyKind_WritesNothingOutside() =>
        Prop.ForAll(Gen.ListOf(Gen.Zip(NastyPath, Gen.Choose(0, 4)), 8).ToArbitrary(), entries =>
        {
            using var folder = new TemporaryFolder();
            folder.Write("outside", "untouched");
            folder.Write("beside/file", "untouched");
            Directory.CreateDirectory(folder["dest"]);
            // A link that an earlier run, or someone else, has left in the destination.
            Directory.CreateSymbolicLink(folder["dest/existing"], folder["beside"]);
            var before = Describe(folder.Path, skip: "dest");
            try
            {
                ReceiveAsync(folder["dest"], entries.Select(e => ToStat(e.Item1, e.Item2, folder["beside"])).ToArray()).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is FileSyncException or IOException)
            {
                // Refused, which is what most of them deserve.
            }
            return Describe(folder.Path, skip: "dest") == before;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [TestMethod]
    [DataRow("../f", DisplayName = "parent")]
    [DataRow("/f", DisplayName = "absolute")]
    [DataRow("a/../../f", DisplayName = "parent inside")]
    [DataRow("a\0b", DisplayName = "NUL")]
    [DataRow("unsent/f", DisplayName = "folder that was not sent")]
    public async Task Receiver_PathThatIsNone_IsRefused(string path)
    {
        using var folder = new TemporaryFolder();
        await Assert.ThrowsExactlyAsync<FileSyncException>(() => ReceiveAsync(folder["dest"], [new Stat { Path = path, Mode = 0x1A4 }]));
    }

    [TestMethod]
    public async Task Receiver_NamesDevicesLinksAndDepth_AreRefused()
    {
        using var folder = new TemporaryFolder();
        var dest = folder["dest"];
        folder.Write("outside", "untouched");
        await Refused(new Stat { Path = new string('n', 300), Mode = 0x1A4 });
        await Refused(new Stat { Path = string.Concat(Enumerable.Repeat("d/", 10_000)) + "f", Mode = 0x1A4 });
        await Refused(new Stat { Path = "device", Mode = GoFileMode.Device | 0x1A4 });
        await Refused(new Stat { Path = "pipe", Mode = GoFileMode.Fifo | 0x1A4 });
        await Refused(new Stat { Path = "hard", Mode = 0x1A4, Linkname = "../outside" });
        await Refused(new Stat { Path = "hard", Mode = 0x1A4, Linkname = "not-sent" });
        await Refused(new Stat { Path = "l", Mode = GoFileMode.Link | 0x1FF, Linkname = folder.Path }, new Stat { Path = "l/outside", Mode = 0x1A4 });
        // A hard link to a link would change what the link leads to.
        await Refused(new Stat { Path = "l", Mode = GoFileMode.Link | 0x1FF, Linkname = folder["outside"] }, new Stat { Path = "hard", Mode = 0x1A4, Linkname = "l" });
        Assert.AreEqual("untouched", File.ReadAllText(folder["outside"]));

        Task Refused(params Stat[] stats) => Assert.ThrowsExactlyAsync<FileSyncException>(() => ReceiveAsync(dest, stats));
    }

    [TestMethod]
    public async Task Receiver_DataThatWasNotAskedFor_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var (fromEngine, toEngine) = (new Pipe(), new Pipe());
        var call = new InMemoryCall(fromEngine, toEngine);
        GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketData, Id = 7, Data = ByteString.CopyFromUtf8("x") });
        await fromEngine.Writer.FlushAsync();
        await Assert.ThrowsExactlyAsync<FileSyncException>(() => new DiffCopyReceiver(call.Call, folder["dest"]).RunAsync());
    }

    [TestMethod]
    public async Task Receiver_AnEngineThatEndsInTheMiddle_IsNoSuccess()
    {
        using var folder = new TemporaryFolder();
        var (fromEngine, toEngine) = (new Pipe(), new Pipe());
        GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketStat, Stat = new Stat { Path = "f", Mode = 0x1A4, Size = 10 } });
        await fromEngine.Writer.CompleteAsync();
        await Assert.ThrowsExactlyAsync<FileSyncException>(() => new DiffCopyReceiver(new InMemoryCall(fromEngine, toEngine).Call, folder["dest"]).RunAsync());
    }

    [TestMethod]
    public void DataPacket_ReadInPlace_IsWhatTheParserReads() =>
        Prop.ForAll<uint, byte[]>((id, data) =>
        {
            var packet = new Packet { Type = PacketType.PacketData, Id = id, Data = ByteString.CopyFrom(data) };
            return WireFields.TryReadData(new(packet.ToByteArray()), out var readId, out var readData)
                && readId == id && System.Buffers.BuffersExtensions.ToArray(readData).AsSpan().SequenceEqual(data);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    /// <summary>Runs our sender against our receiver: the pipes carry one's packets to the other.</summary>
    private static async Task SyncAsync(string from, string to)
    {
        // Each side is served by the other, so both are calls of an "engine".
        var (forth, back) = (new Pipe(), new Pipe());
        var sender = new InMemoryCall(back, forth);
        var receiver = new InMemoryCall(forth, back);
        var sending = SendAsync();
        var receiving = ReceiveAsync();
        var first = await Task.WhenAny(sending, receiving);
        if (first.IsFaulted)
        {
            sender.Abort();
            receiver.Abort();
            await forth.Writer.CompleteAsync();
            await back.Writer.CompleteAsync();
            await Task.WhenAll(sending, receiving).ContinueWith(static _ => { }, TaskScheduler.Default);
            await first;
        }
        await receiving;
        await sending;

        async Task SendAsync() => await new DiffCopySender(sender.Call, from, None, None).RunAsync();

        async Task ReceiveAsync()
        {
            await new DiffCopyReceiver(receiver.Call, to).RunAsync();
            await back.Writer.CompleteAsync();
        }
    }

    /// <summary>Plays an engine that sends these entries, with four bytes for every file that is asked for.</summary>
    private static async Task ReceiveAsync(string to, Stat[] stats)
    {
        var (fromEngine, toEngine) = (new Pipe(), new Pipe());
        var call = new InMemoryCall(fromEngine, toEngine);
        foreach (var stat in stats)
            GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketStat, Stat = stat });
        GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketStat });
        await fromEngine.Writer.FlushAsync();
        var receiving = new DiffCopyReceiver(call.Call, to).RunAsync();
        var serving = ServeAsync();
        await await Task.WhenAny(receiving, serving);
        await receiving;

        async Task ServeAsync()
        {
            while (await GrpcFraming.ReadAsync(toEngine.Reader, Packet.Parser, CancellationToken.None) is { } packet)
            {
                if (packet.Type == PacketType.PacketFin)
                {
                    GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketFin });
                    await fromEngine.Writer.FlushAsync();
                    return;
                }
                GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketData, Id = packet.Id, Data = ByteString.CopyFromUtf8("evil") });
                GrpcFraming.Write(fromEngine.Writer, new Packet { Type = PacketType.PacketData, Id = packet.Id });
                await fromEngine.Writer.FlushAsync();
            }
        }
    }

    private static Stat ToStat(string path, int kind, string elsewhere) => kind switch
    {
        0 => new Stat { Path = path, Mode = GoFileMode.Directory | 0x1ED },
        1 => new Stat { Path = path, Mode = GoFileMode.Link | 0x1FF, Linkname = elsewhere },
        2 => new Stat { Path = path, Mode = 0x1A4, Linkname = "../outside" },
        _ => new Stat { Path = path, Mode = 0x1A4, Size = 4 },
    };

    private static void MakeTree(string folder, Random random, int depth)
    {
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            var path = Path.Combine(folder, string.Concat("näme \"'$ü日".OrderBy(_ => random.Next()).Take(3)) + i);
            switch (random.Next(5))
            {
                case 0 when depth > 0:
                    Directory.CreateDirectory(path);
                    MakeTree(path, random, depth - 1);
                    break;
                case 1:
                    File.CreateSymbolicLink(path, "../" + i);
                    break;
                case 2:
                    File.WriteAllBytes(path, new byte[random.Next(300_000)]);
                    UnixFiles.HardLink(path, path + "-hard");
                    break;
                default:
                    var bytes = new byte[random.Next(100) == 0 ? 5_000_000 : random.Next(2000)];
                    random.NextBytes(bytes);
                    File.WriteAllBytes(path, bytes);
                    File.SetUnixFileMode(path, (UnixFileMode)(0x180 | random.Next(0x80)));
                    File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(random.Next()).AddTicks(random.Next(1000)));
                    break;
            }
        }
    }

    private static void Change(string folder, Random random, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var files = Directory.GetFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true });
            try
            {
                var path = files.Length == 0 ? Path.Combine(folder, "new") : files[random.Next(files.Length)];
                switch (random.Next(5))
                {
                    case 0: File.Delete(path); break;
                    case 1: File.WriteAllBytes(path, new byte[random.Next(500_000)]); break;
                    case 2: File.WriteAllText(path + "n", "new"); break;
                    case 3: Directory.Move(path, path + "m"); break;
                    default: using (var stream = new FileStream(path, FileMode.Open)) stream.SetLength(random.Next(1000)); break;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Gone, or a folder: the next turn takes another one.
            }
        }
    }

    /// <summary>Every entry with what the protocol carries of it.</summary>
    private static string Describe(string root, string skip = "")
    {
        var text = new StringBuilder();
        var seen = new Dictionary<string, int>();
        foreach (var path in Directory.EnumerateFileSystemEntries(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(root, path);
            if (skip.Length > 0 && (name == skip || name.StartsWith(skip + "/", StringComparison.Ordinal)))
                continue;
            var info = new FileInfo(path);
            if (info.LinkTarget is { } target)
                text.AppendLine($"{name} -> {target}");
            else if (Directory.Exists(path))
                text.AppendLine($"{name}/ {Convert.ToString((int)info.UnixFileMode, 8)}");
            else
                text.AppendLine($"{name} {Convert.ToString((int)info.UnixFileMode, 8)} {info.LastWriteTimeUtc.Ticks} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))}");
        }
        return text.ToString();
    }
}
