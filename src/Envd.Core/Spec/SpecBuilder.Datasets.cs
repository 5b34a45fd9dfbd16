using System.Security.Cryptography;
using System.Text;
using Envd.Core.Diagnostics;

namespace Envd.Core.Spec;

public sealed partial class SpecBuilder
{
    /// <summary>Data that are fetched at the first start, into a volume that every environment with the same source shares.</summary>
    private List<DatasetSpec> Datasets()
    {
        var datasets = new List<DatasetSpec>();
        foreach (var item in Items("Dataset"))
        {
            var source = item.Address("Source");
            var target = item["TargetPath"];
            var secret = item["Secret"];
            if (!Names.IsIdentifier(item.Include))
                Report(item, "", ErrorCodes.InvalidName, $"Dataset '{Printable(item.Include)}' is no name.", "Write letters, digits, '.', '_' and '-'.");
            else if (!IsAddress(source) || UserInfo(source) || Path.GetFileName(new Uri(source).AbsolutePath).Length == 0)
                Report(item, "Source", ErrorCodes.InvalidValue, $"Source of Dataset '{item.Include}' is '{Printable(source)}'.",
                    "Write the https:// address of a file; s3://, hf://, dvc: and git+https:// are not available in this version of Envd. A login belongs into a Secret.");
            else if (!IsCleanPath(target) || target == "/")
                Report(item, "TargetPath", ErrorCodes.InvalidValue, $"TargetPath of Dataset '{item.Include}' is '{Printable(target)}'.", "Write a folder of the environment, such as /data/mnist.");
            else if (datasets.Exists(d => d.Name == item.Include || d.TargetPath == target))
                Report(item, "", ErrorCodes.Contradiction, $"There are two datasets named '{item.Include}', or in '{target}'.");
            else if (secret.Length > 0 && Items("Secret").FirstOrDefault(s => s.Include == secret) is null)
                Report(item, "Secret", ErrorCodes.UnknownKind, $"Dataset '{item.Include}' uses the secret '{Printable(secret)}', which nothing declares.", $"Add <Secret Include=\"{Printable(secret)}\" Source=\"env:NAME\" />.");
            else
                datasets.Add(new DatasetSpec(item.Include, source, target, item["ReadOnly"].Length == 0 || Flag(item, "ReadOnly"),
                    "envd-dataset-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)))[..16],
                    secret.Length == 0 ? "" : Absolute(Items("Secret").First(s => s.Include == secret)["Source"])));
        }
        return datasets;
    }
}
