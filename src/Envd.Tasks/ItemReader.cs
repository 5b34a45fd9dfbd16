using Envd.Core.ProjectFile;
using Microsoft.Build.Framework;

namespace Envd.Tasks;

/// <summary>Turns MSBuild's items into ours.</summary>
internal static class ItemReader
{
    public static IEnumerable<ProjectItem> Read(string type, ITaskItem[] items)
    {
        foreach (var item in items)
        {
            var metadata = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            // Escaped: a `%2B` of a wheel's address and a `%ba` of a printf are the user's, not MSBuild's.
            if (item is ITaskItem2 escaped)
                foreach (System.Collections.DictionaryEntry entry in escaped.CloneCustomMetadataEscaped())
                    metadata[(string)entry.Key] = (string?)entry.Value ?? "";
            yield return new ProjectItem(type, item.ItemSpec, item.GetMetadata("DefiningProjectFullPath"), metadata);
        }
    }
}
