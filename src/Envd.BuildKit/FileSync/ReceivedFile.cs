using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Envd.BuildKit.FileSync;

/// <summary>A file that is being received: what arrives is written from where it arrived, without a copy.</summary>
internal sealed class ReceivedFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly List<ReadOnlyMemory<byte>> _segments = [];
    private long _offset;

    /// <exception cref="IOException">The file cannot be made.</exception>
    public ReceivedFile(string path, FileMode mode)
    {
        Path = path;
        _file = File.OpenHandle(path, mode, FileAccess.Write, FileShare.None);
    }

    public string Path { get; }

    public void Write(ReadOnlySequence<byte> data)
    {
        if (data.IsSingleSegment)
        {
            RandomAccess.Write(_file, data.FirstSpan, _offset);
        }
        else
        {
            _segments.Clear();
            foreach (var segment in data)
                _segments.Add(segment);
            RandomAccess.Write(_file, _segments, _offset);
        }
        _offset += data.Length;
    }

    public void Dispose() => _file.Dispose();
}
