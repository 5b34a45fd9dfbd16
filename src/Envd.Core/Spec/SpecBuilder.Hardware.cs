using System.Globalization;
using Envd.Core.Diagnostics;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    private static readonly string[] RunOptions = ["add-host", "cap-add", "cpus", "device", "ipc", "memory", "network", "ulimit"];

    // From this version on NVIDIA's tags name cuDNN without its number.
    private static readonly Version CudnnWithoutNumber = new(12, 4, 0);

    /// <summary>NVIDIA's image for a CUDA version upon the Ubuntu that the base names; the base itself where no CUDA is asked for.</summary>
    private string CudaImage(string image)
    {
        var cuda = _model.Property("EnvdCudaVersion");
        if (cuda.Length == 0)
            return image;
        if (!Version.TryParse(cuda, out var version) || version.Build < 0 || version.Revision >= 0)
        {
            Report(ErrorCodes.InvalidValue, $"EnvdCudaVersion is '{Printable(cuda)}'.", "Write the whole version, such as 12.8.1: NVIDIA's images have no shorter tags.");
            return image;
        }
        const string ubuntu = "docker.io/library/ubuntu:";
        if (!image.StartsWith(ubuntu, StringComparison.Ordinal) || image.Contains('@', StringComparison.Ordinal))
        {
            Report(ErrorCodes.Contradiction, $"EnvdCudaVersion makes NVIDIA's image the base, and ContainerBaseImage is '{image}'.", "Leave EnvdCudaVersion out, or name an Ubuntu, such as ubuntu:24.04.");
            return image;
        }
        var flavor = Choice("EnvdCudaFlavor", Flag("EnvdDev", true) ? "devel" : "runtime", "base", "runtime", "devel");
        var cudnn = _model.Property("EnvdCudnnVersion");
        if (cudnn is not ("" or "none") && !cudnn.All(char.IsAsciiDigit))
            Report(ErrorCodes.InvalidValue, $"EnvdCudnnVersion is '{Printable(cudnn)}'.", "Write its first number, such as 9, or none.");
        // The flavor base has no cuDNN; before 12.4 its number is a part of the tag, and 8 is what every such version has.
        var part = cudnn == "none" || flavor == "base" ? "" : version >= CudnnWithoutNumber ? "cudnn-" : $"cudnn{(cudnn.Length > 0 ? cudnn : "8")}-";
        return $"docker.io/nvidia/cuda:{cuda}-{part}{flavor}-ubuntu{image[ubuntu.Length..]}";
    }

    private string Gpu()
    {
        var gpu = _model.Property("EnvdGpu").ToLowerInvariant();
        if (gpu is not ("" or "auto" or "none" or "all") && !(int.TryParse(gpu, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0))
            Report(ErrorCodes.InvalidValue, $"EnvdGpu is '{Printable(gpu)}'.", "Write auto, none, all, or how many.");
        return gpu.Length == 0 ? "auto" : gpu;
    }

    private List<NamedValue> ContainerOptions()
    {
        var options = new List<NamedValue>();
        foreach (var item in Items("RunOption"))
        {
            var value = item["Value"];
            if (!RunOptions.Contains(item.Include))
                Report(item, "", ErrorCodes.UnknownKind, $"RunOption '{Printable(item.Include)}' is none that Envd knows.",
                    NearestName.Suggest(item.Include, RunOptions) is { Length: > 0 } near ? near : $"Known are {string.Join(", ", RunOptions)}.");
            else if (OptionForm(item.Include, value) is { } form)
                Report(item, "Value", ErrorCodes.InvalidValue, $"Value of RunOption '{item.Include}' is '{Printable(value)}'.", $"Write {form}.");
            else
                options.Add(new NamedValue(item.Include, value));
        }
        foreach (var twice in options.Where(o => o.Name is "cpus" or "ipc" or "memory" or "network").GroupBy(o => o.Name).Where(g => g.Count() > 1))
            Report(Items("RunOption").Last(i => i.Include == twice.Key), "", ErrorCodes.Contradiction, $"RunOption '{twice.Key}' is declared more than once.", "Keep one of them.");
        return options;
    }

    /// <summary>How a value must be written; null where it is.</summary>
    private static string? OptionForm(string option, string value)
    {
        var parts = value.Split(':');
        return option switch
        {
            "add-host" when parts.Length < 2 || !(value[(parts[0].Length + 1)..] == "host-gateway" || System.Net.IPAddress.TryParse(value[(parts[0].Length + 1)..], out _)) => "NAME:ADDRESS, or NAME:host-gateway",
            "cap-add" when value.Length == 0 || !value.All(c => char.IsAsciiLetterUpper(c) || c == '_') => "a capability, such as SYS_PTRACE",
            "cpus" when !decimal.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cpus) || cpus <= 0 => "how many, such as 1.5",
            "device" when !value.StartsWith("/dev/", StringComparison.Ordinal) || parts.Length > 3 => "/dev/NAME, or /dev/NAME:/dev/OTHER:rwm",
            "ipc" when value is not ("host" or "private" or "shareable") => "host, private or shareable",
            "memory" when !TryParseSize(value, out var size) || size <= 0 => "bytes, or a number with k, m or g",
            "network" when !Names.IsIdentifier(value) => "host, none, or a network's name",
            "ulimit" when !IsUlimit(value) => "NAME=SOFT:HARD, such as nofile=65536:65536",
            _ => null,
        };
    }

    private static bool IsUlimit(string value)
    {
        var cut = value.IndexOf('=', StringComparison.Ordinal);
        return cut > 0 && value[..cut].All(char.IsAsciiLetterLower) && value[(cut + 1)..].Split(':') is { Length: 1 or 2 } limits
            && limits.All(l => l == "-1" || (l.Length is > 0 and < 19 && l.All(char.IsAsciiDigit)));
    }
}
