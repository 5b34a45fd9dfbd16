using System.CommandLine;
using Envd.Core.Diagnostics;
using Envd.Core.Spec;
using Envd.Tool.Interaction;
using Envd.Tool.Modules;
using Envd.Tool.Projects;

namespace Envd.Tool.Commands;

/// <summary>`envd module`: modules of git repositories, copied into the project.</summary>
internal sealed class ModuleCommand : Command
{
    public ModuleCommand(IInteraction interaction)
        : base("module", "Modules of git repositories, copied into the project and imported by it.")
    {
        Subcommands.Add(new AddCommand(interaction));
        Subcommands.Add(new UpdateCommand(interaction));
        Subcommands.Add(new ListModulesCommand(interaction));
    }

    private sealed class AddCommand : EnvdCommand
    {
        private readonly Argument<string> _url = new("url") { Description = "The repository, as git takes it." };
        private readonly Option<string> _ref = new("--ref") { Description = "A branch, tag or commit. Default: the repository's own branch.", DefaultValueFactory = _ => "" };
        private readonly Option<string> _path = new("--path") { Description = "The module's folder in the repository. Default: all of it.", DefaultValueFactory = _ => "" };
        private readonly Option<string?> _name = new("--name") { Description = "Its name here. Default: that of the folder or repository." };
        private readonly Option<string?> _project = CommonOptions.Project();

        public AddCommand(IInteraction interaction)
            : base("add", "Copy a module into modules/, write down its commit, and import it.", interaction)
        {
            Arguments.Add(_url);
            foreach (var option in new Option[] { _ref, _path, _name, _project })
                Options.Add(option);
        }

        protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
        {
            var project = ProjectLocator.Find(parsed.GetValue(_project));
            var folder = Path.GetDirectoryName(project)!;
            var (url, path) = (parsed.GetValue(_url)!, parsed.GetValue(_path)!.Replace('\\', '/').Trim('/'));
            var name = parsed.GetValue(_name) ?? Path.GetFileNameWithoutExtension((path.Length > 0 ? path : url).TrimEnd('/').Split('/', ':')[^1]);
            if (!Names.IsIdentifier(name))
                throw new EnvdException(ErrorCodes.ModuleFailed, $"'{name}' is no name of a module.", "Give it one by --name: letters, digits, '.', '_' and '-'.");
            var modules = ModuleLock.Read(folder);
            if (modules.TryGetValue(name, out var there) && there.Url != url)
                throw new EnvdException(ErrorCodes.ModuleFailed, $"There is a module '{name}' already, of {there.Url}.", "Give this one another --name.");
            var module = new Module(name, url, parsed.GetValue(_ref)!, path, "", "");
            modules[name] = await FetchAsync(module, there, folder, force: false, cancellationToken);
            var entry = $"{ModuleFolder.Root}/{name}/{ModuleFolder.Entry(Path.Combine(folder, ModuleFolder.Root, name), name)}";
            ModuleLock.Write(folder, modules);
            var added = ProjectImports.Add(project, entry);
            Interaction.Say($"{name} is at {modules[name].Commit[..12]} in {ModuleFolder.Root}/{name}{(added ? $"; {Path.GetFileName(project)} imports {entry}" : "")}.");
            return ExitCodes.Success;
        }
    }

    private sealed class UpdateCommand : EnvdCommand
    {
        private readonly Argument<string[]> _names = new("name") { Description = "Modules. Default: all of them.", Arity = ArgumentArity.ZeroOrMore };
        private readonly Option<string?> _ref = new("--ref") { Description = "Another branch, tag or commit from now on." };
        private readonly Option<bool> _force = new("--force") { Description = "Even where files were edited here." };
        private readonly Option<string?> _project = CommonOptions.Project();

        public UpdateCommand(IInteraction interaction)
            : base("update", "Copy modules anew from what their branch or tag is now.", interaction)
        {
            Arguments.Add(_names);
            foreach (var option in new Option[] { _ref, _force, _project })
                Options.Add(option);
        }

        protected override async Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
        {
            var folder = Path.GetDirectoryName(ProjectLocator.Find(parsed.GetValue(_project)))!;
            var modules = ModuleLock.Read(folder);
            var names = parsed.GetValue(_names) is { Length: > 0 } given ? given : [.. modules.Keys];
            foreach (var unknown in names.Where(n => !modules.ContainsKey(n)))
                throw new EnvdException(ErrorCodes.ModuleFailed, $"There is no module '{unknown}'.", NearestName.Suggest(unknown, modules.Keys));
            foreach (var name in names)
            {
                var before = modules[name];
                modules[name] = await FetchAsync(before with { Ref = parsed.GetValue(_ref) ?? before.Ref }, before, folder, parsed.GetValue(_force), cancellationToken);
                ModuleLock.Write(folder, modules);
                Interaction.Say(modules[name].Commit == before.Commit ? $"{name} is current." : $"{name}: {before.Commit[..12]} -> {modules[name].Commit[..12]}");
            }
            return ExitCodes.Success;
        }
    }

    private sealed class ListModulesCommand : EnvdCommand
    {
        private readonly Option<string?> _project = CommonOptions.Project();

        public ListModulesCommand(IInteraction interaction)
            : base("ls", "The modules of a project, with their commits.", interaction) => Options.Add(_project);

        protected override Task<int> ExecuteAsync(ParseResult parsed, CancellationToken cancellationToken)
        {
            var folder = Path.GetDirectoryName(ProjectLocator.Find(parsed.GetValue(_project)))!;
            foreach (var module in ModuleLock.Read(folder).Values)
            {
                var files = Path.Combine(folder, ModuleFolder.Root, module.Name);
                var state = !Directory.Exists(files) ? "missing" : ModuleFolder.Digest(files) == module.Content ? "" : "edited";
                Interaction.Data($"{module.Name,-20} {module.Commit[..12]} {(module.Ref.Length > 0 ? module.Ref : "HEAD"),-12} {module.Url}{(module.Path.Length > 0 ? " " + module.Path : "")}{(state.Length > 0 ? $" ({state})" : "")}");
            }
            return Task.FromResult(ExitCodes.Success);
        }
    }

    private static async Task<Module> FetchAsync(Module module, Module? before, string projectFolder, bool force, CancellationToken cancellationToken)
    {
        var target = Path.Combine(projectFolder, ModuleFolder.Root, module.Name);
        var edited = Directory.Exists(target) && (before is null || ModuleFolder.Digest(target) != before.Content);
        using var repository = await ModuleRepository.FetchAsync(module.Url, module.Ref, cancellationToken);
        if (before is not null && repository.Commit == before.Commit && module.Path == before.Path && Directory.Exists(target) && !force)
            return module with { Commit = before.Commit, Content = before.Content };
        if (edited && !force)
            throw new EnvdException(ErrorCodes.ModuleFailed, $"Files of {ModuleFolder.Root}/{module.Name} were edited here.", before is null ? "Move the folder away." : "Take the edits to its repository, or give them up by --force.");
        var source = Path.GetFullPath(Path.Combine(repository.Folder, module.Path));
        if (!source.StartsWith(repository.Folder, StringComparison.Ordinal) || !Directory.Exists(source))
            throw new EnvdException(ErrorCodes.ModuleFailed, $"{module.Url} has no folder '{module.Path}' at {repository.Commit[..12]}.", "Check --path.");
        ModuleFolder.Entry(source, module.Name);
        ModuleFolder.Replace(source, target);
        return module with { Commit = repository.Commit, Content = ModuleFolder.Digest(target) };
    }
}
