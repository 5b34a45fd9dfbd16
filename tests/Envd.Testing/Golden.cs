using System.Runtime.CompilerServices;

namespace Envd.Testing;

/// <summary>Texts that a person has reviewed. ENVD_UPDATE_GOLDEN=1 writes what the code makes now.</summary>
public static class Golden
{
    /// <summary>Compares a text with Golden/NAME beside the test's source file.</summary>
    public static void Match(string name, string actual, [CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "Golden", name);
        if (Environment.GetEnvironmentVariable("ENVD_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }
        Assert.AreEqual(File.ReadAllText(path), actual, $"Golden/{name} differs; review it, and set ENVD_UPDATE_GOLDEN=1 to take it over.");
    }
}
