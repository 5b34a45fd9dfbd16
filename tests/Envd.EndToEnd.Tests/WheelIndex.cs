using System.Security.Cryptography;
using System.Text;

namespace Envd.EndToEnd.Tests;

/// <summary>A Python index (PEP 503) of files that a test holds, over http.</summary>
internal sealed class WheelIndex : IDisposable
{
    private readonly FileServer _server;

    public WheelIndex(params (string Name, byte[] Bytes)[] files)
    {
        foreach (var (name, bytes) in files)
            Files[name] = bytes;
        _server = new FileServer(request => Answer(Uri.UnescapeDataString(request.RawUrl!), request.Headers["Authorization"]));
    }

    /// <summary>By file name.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>What is answered instead, and how late.</summary>
    public int Status { get; set; } = 200;

    public TimeSpan Delay { get; set; }

    /// <summary>So many requests for files are cut off.</summary>
    public int Cut { get; set; }

    /// <summary><c>user:password</c>; empty lets everyone in.</summary>
    public string Login { get; set; } = "";

    public string Url => _server.Address + "/simple";

    public List<string> Requests => _server.Requests;

    public void Dispose() => _server.Dispose();

    private (int, byte[]) Answer(string path, string? authorization)
    {
        Thread.Sleep(Delay);
        if (Login.Length > 0 && authorization != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Login)))
            return (401, []);
        if (Status != 200)
            return (Status, []);
        var name = path.Trim('/').Split('/')[^1];
        if (Files.TryGetValue(name, out var file))
            return (Cut-- > 0 ? 0 : 200, file);
        var rows = Files.Where(f => f.Key.Split('-')[0].Replace('_', '-').Equals(name, StringComparison.OrdinalIgnoreCase)).Select(f =>
            $"<a href=\"/files/{f.Key}#sha256={Convert.ToHexStringLower(SHA256.HashData(f.Value))}\">{f.Key}</a>").ToList();
        return rows.Count == 0 ? (404, []) : (200, Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>" + string.Concat(rows) + "</body></html>"));
    }
}
