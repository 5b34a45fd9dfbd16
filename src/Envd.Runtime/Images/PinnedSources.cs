using System.Text.Json;
using Envd.BuildKit;
using Envd.BuildKit.Client;
using Envd.BuildKit.Content;
using Envd.Core.Bundles;
using Envd.Core.Diagnostics;
using Envd.Core.Graph;
using Envd.Core.Locks;
using Envd.Core.Spec;
using Platform = Envd.Llb.Platform;

namespace Envd.Runtime.Images;

/// <summary>Puts into a planned graph what a lock names, as the engine or a bundle has it.</summary>
internal static class PinnedSources
{
    /// <summary>The graph with everything that the lock names, and the base image as it is then.</summary>
    public static async Task<(EnvironmentGraph Graph, ResolvedImage Base)> PinAsync(Gateway gateway, EnvironmentGraph planned, EnvironmentSpec spec, FailureExplainer failure, CancellationToken cancellationToken)
    {
        var image = await ResolveBaseAsync(gateway, spec, Platform.Parse(spec.Platform), failure, cancellationToken);
        if (LockedGraph.Of(spec) is not { } held)
            return (planned, image);
        var moved = await MovedImagesAsync(gateway, held, spec.Platform, cancellationToken);
        if (moved.TryGetValue((Planner.Mirrored(spec, spec.BaseImage), ""), out var locked))
            image = await gateway.ResolveImageAsync(locked, Platform.Parse(spec.Platform), cancellationToken);
        return (LockedGraph.Pin(planned, held, moved), image);
    }

    /// <summary>The same from a bundle, which is asked instead of registries.</summary>
    public static (EnvironmentGraph Graph, ResolvedImage Base) FromBundle(EnvironmentGraph planned, EnvironmentSpec spec, string folder, BuildRequest request)
    {
        var held = (spec.Lock is null ? null : LockedGraph.Of(spec)) ?? throw new EnvdException(ErrorCodes.LockStale, "A bundle holds what a lock names, and the project has no lock that covers it.", "Run `envd lock` and `envd bundle` where there is a network.", new SourcePosition(request.ProjectFile, 0, 0));
        var layout = new OciLayout(folder);
        var reference = Planner.Mirrored(spec, spec.BaseImage);
        if (layout.Find(BundledGraph.Materials) is null || layout.Find(BundledGraph.TagOf(reference, "")) is not { } digest || layout.FindBlob(digest) is not { } manifest)
            throw new EnvdException(ErrorCodes.ImageNotFound, $"The bundle at {folder} has no {reference}, or is not complete.", "Make it again by `envd bundle`.");
        using var json = JsonDocument.Parse(File.ReadAllBytes(manifest));
        var configuration = layout.FindBlob(json.RootElement.GetProperty("config").GetProperty("digest").GetString()!)
            ?? throw new EnvdException(ErrorCodes.ImageNotFound, $"The bundle at {folder} is not complete.", "Make it again by `envd bundle`.");
        // A plan that was made for another engine may take what this bundle's has not: that is an error of the engine's, with the file's name.
        return (BundledGraph.Apply(LockedGraph.Pin(planned, held), held, layout.Find), new ResolvedImage(reference, held.Images.FirstOrDefault(i => i.Reference == reference)?.Digest ?? digest, File.ReadAllBytes(configuration)));
    }

    /// <summary>Locked images whose names stand for something else by now, with the names that stand for what is locked.</summary>
    public static async Task<IReadOnlyDictionary<(string Reference, string Platform), string>> MovedImagesAsync(Gateway gateway, EnvironmentLock held, string platform, CancellationToken cancellationToken)
    {
        var moved = new Dictionary<(string, string), string>();
        foreach (var image in held.Images)
        {
            string now;
            try
            {
                now = (await gateway.ResolveImageAsync(image.Reference, Platform.Parse(image.Platform.Length > 0 ? image.Platform : platform), cancellationToken)).Digest;
            }
            catch (RpcException)
            {
                now = ""; // the name is gone; what it stood for may still be there
            }
            // An image that is in an engine alone has a name there, and no registry that knows it by its digest.
            if (now != image.Digest)
                moved[(image.Reference, image.Platform)] = $"{image.Reference}@{image.Digest}";
        }
        return moved;
    }

    public static async Task<ResolvedImage> ResolveBaseAsync(Gateway gateway, EnvironmentSpec spec, Platform platform, FailureExplainer failure, CancellationToken cancellationToken)
    {
        try
        {
            return await gateway.ResolveImageAsync(Planner.Mirrored(spec, spec.BaseImage), platform, cancellationToken);
        }
        catch (RpcException e)
        {
            throw failure.BaseImage(e);
        }
    }
}
