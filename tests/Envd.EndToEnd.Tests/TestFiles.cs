using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Envd.EndToEnd.Tests;

/// <summary>Archives and packages made for a test.</summary>
internal static class TestFiles
{
    public static byte[] Wheel(string name, string version, string code, string script = "") => Zip(
        ($"{name}/__init__.py", code),
        ($"{name}-{version}.dist-info/METADATA", $"Metadata-Version: 2.1\nName: {name.Replace('_', '-')}\nVersion: {version}\n"),
        ($"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ($"{name}-{version}.dist-info/entry_points.txt", script.Length > 0 ? $"[console_scripts]\n{script}\n" : ""),
        ($"{name}-{version}.dist-info/RECORD", $"{name}/__init__.py,,\n{name}-{version}.dist-info/METADATA,,\n{name}-{version}.dist-info/WHEEL,,\n{name}-{version}.dist-info/entry_points.txt,,\n{name}-{version}.dist-info/RECORD,,\n"));

    /// <summary>A wheel of given files, with requirements and entry points.</summary>
    public static byte[] WheelOf(string name, string version, string[] requires, string entryPoints, params (string Name, string Text)[] files)
    {
        var info = $"{name}-{version}.dist-info";
        (string Name, string Text)[] all =
        [
            .. files,
            ($"{info}/METADATA", $"Metadata-Version: 2.1\nName: {name.Replace('_', '-')}\nVersion: {version}\n" + string.Concat(requires.Select(r => $"Requires-Dist: {r}\n"))),
            ($"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            .. entryPoints.Length > 0 ? [($"{info}/entry_points.txt", entryPoints)] : Array.Empty<(string, string)>(),
        ];
        return Zip([.. all, ($"{info}/RECORD", string.Concat(all.Select(f => $"{f.Name},,\n")) + $"{info}/RECORD,,\n")]);
    }

    public static byte[] Zip(params (string Name, string Text)[] files)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, text) in files)
            {
                // The same bytes at any time.
                var entry = zip.CreateEntry(name);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var writer = new StreamWriter(entry.Open());
                writer.Write(text);
            }
        return stream.ToArray();
    }

    public static byte[] Archive(string name, string text) => Archive((name, text));

    public static byte[] Archive(params (string Name, string Text)[] files)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip))
            foreach (var (name, text) in files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = (UnixFileMode)0x1ED, DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
        return stream.ToArray();
    }
}
