using System.Text;
using Envd.Llb;

namespace Envd.FileTree;

/// <summary>One entry of a walk.</summary>
/// <param name="Path">Relative to the root, with <c>/</c> between segments.</param>
/// <param name="FullPath">The path to open.</param>
/// <param name="Stat">Its stat, links not followed.</param>
internal readonly record struct TreeEntry(string Path, string FullPath, FileStat Stat);

/// <summary>
/// Walks a folder in the order of BuildKit's file sync: depth first, siblings by the bytes of their names, a folder before what is in it.
/// Only what the patterns can reach is looked at, and links are never followed.
/// </summary>
internal sealed class FileTreeWalker(string root, PatternSet include, PatternSet exclude)
{
    /// <summary>The entries; a folder that no pattern names comes only where something below it does.</summary>
    /// <exception cref="IOException">A folder cannot be read, or a name is not UTF-8.</exception>
    public IEnumerable<TreeEntry> Walk()
    {
        var pending = new List<TreeEntry>();
        return WalkFolder(root, "", pending);
    }

    private IEnumerable<TreeEntry> WalkFolder(string folder, string prefix, List<TreeEntry> pending)
    {
        foreach (var name in Names(folder))
        {
            var path = prefix.Length == 0 ? name : prefix + "/" + name;
            var included = include.IsEmpty || include.Matches(path);
            var excluded = !exclude.IsEmpty && exclude.Matches(path);
            // Most of a big tree ends here, before the stat.
            if ((!included && !include.MayMatchBelow(path)) || (excluded && !exclude.HasExceptions))
                continue;
            var full = folder + "/" + name;
            if (!FileStat.TryGet(full, out var stat))
            {
                if (name.Contains('\uFFFD'))
                    throw new IOException($"The name of a file in '{(prefix.Length == 0 ? "." : prefix)}' is not UTF-8: '{name}'. Rename it or list it in .dockerignore.");
                continue; // gone since the folder was read
            }
            var entry = new TreeEntry(path, full, stat);
            if (!stat.IsDirectory)
            {
                if (!included || excluded || stat.IsSocket)
                    continue;
                foreach (var parent in pending)
                    yield return parent;
                pending.Clear();
                yield return entry;
                continue;
            }
            var depth = pending.Count;
            pending.Add(entry);
            if (included && !excluded)
            {
                foreach (var parent in pending)
                    yield return parent;
                pending.Clear();
                depth = 0;
            }
            foreach (var child in WalkFolder(full, path, pending))
                yield return child;
            // What is still pending from here on down had nothing in it.
            if (pending.Count > depth)
                pending.RemoveRange(depth, pending.Count - depth);
        }
    }

    private static string[] Names(string folder)
    {
        var names = new List<string>();
        // The paths come back as `folder/name`; asking for names alone saves the joined strings of a big folder.
        foreach (var name in new System.IO.Enumeration.FileSystemEnumerable<string>(folder,
                     static (ref System.IO.Enumeration.FileSystemEntry entry) => entry.FileName.ToString(),
                     new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false, RecurseSubdirectories = false }))
            names.Add(name);
        var result = names.ToArray();
        Array.Sort(result, ByBytes);
        return result;
    }

    // Ordinal order of UTF-16 differs from that of UTF-8 only where surrogates meet U+E000 and above.
    private static int ByBytes(string a, string b)
    {
        var length = Math.Min(a.Length, b.Length);
        for (var i = 0; i < length; i++)
        {
            if (a[i] == b[i])
                continue;
            return char.IsSurrogate(a[i]) || char.IsSurrogate(b[i])
                ? Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b))
                : a[i] - b[i];
        }
        return a.Length - b.Length;
    }
}
