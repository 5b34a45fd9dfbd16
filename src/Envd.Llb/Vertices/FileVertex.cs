using Envd.Llb.Protocol;
using Google.Protobuf;

namespace Envd.Llb.Vertices;

internal sealed class FileVertex(State root, IReadOnlyList<FileAction> actions, VertexOptions? options)
    : Vertex(Distinct(actions.OfType<CopyAction>().Select(a => a.From).Prepend(root)), options)
{
    private const int None = -1;

    public override void Fill(Op op, ISet<string> caps)
    {
        op.File = new FileOp();
        for (var i = 0; i < actions.Count; i++)
        {
            // The first action works on the root, every other one on what the action before it made.
            var input = i == 0 ? IndexOf(root) : Inputs.Count + i - 1;
            var action = ToProtocol(actions[i], caps);
            action.Input = input;
            action.Output = i == actions.Count - 1 ? 0 : None;
            op.File.Actions.Add(action);
        }
        caps.Add("file.base");
    }

    private Protocol.FileAction ToProtocol(FileAction action, ISet<string> caps) => action switch
    {
        CopyAction copy => new Protocol.FileAction { SecondaryInput = IndexOf(copy.From), Copy = ToProtocol(copy, caps) },
        MakeFileAction file => new Protocol.FileAction
        {
            SecondaryInput = None,
            Mkfile = new FileActionMkFile
            {
                Path = file.Path,
                Mode = file.Mode,
                Data = ByteString.CopyFrom(file.Data.Span),
                Timestamp = file.Timestamp,
                Owner = ToProtocol(file.Owner),
            },
        },
        MakeDirectoryAction directory => new Protocol.FileAction
        {
            SecondaryInput = None,
            Mkdir = new FileActionMkDir
            {
                Path = directory.Path,
                Mode = directory.Mode,
                MakeParents = directory.MakeParents,
                Timestamp = directory.Timestamp,
                Owner = ToProtocol(directory.Owner),
            },
        },
        RemoveAction remove => new Protocol.FileAction { SecondaryInput = None, Rm = ToProtocol(remove, caps) },
        LinkAction link => new Protocol.FileAction { SecondaryInput = None, Symlink = ToProtocol(link, caps) },
        _ => throw new ArgumentException($"Unknown file action {action.GetType().Name}.", nameof(action)),
    };

    private FileActionCopy ToProtocol(CopyAction copy, ISet<string> caps)
    {
        var message = new FileActionCopy
        {
            Src = copy.Source,
            Dest = copy.Destination,
            Mode = copy.Mode,
            Timestamp = copy.Timestamp,
            FollowSymlink = copy.FollowLinks,
            DirCopyContents = copy.ContentsOnly,
            AttemptUnpack = copy.Unpack,
            AllowWildcard = copy.AllowWildcard,
            AllowEmptyWildcard = copy.AllowEmptyWildcard,
            CreateDestPath = copy.CreateDestination,
            AlwaysReplaceExistingDestPaths = copy.AlwaysReplace,
            Owner = ToProtocol(copy.Owner),
        };
        message.IncludePatterns.AddRange(copy.IncludePatterns);
        message.ExcludePatterns.AddRange(copy.ExcludePatterns);
        if (copy.IncludePatterns.Count + copy.ExcludePatterns.Count > 0)
            caps.Add("file.copy.includeexcludepatterns");
        if (copy.AlwaysReplace)
            caps.Add("file.copy.alwaysreplaceexistingdestpaths");
        return message;
    }

    private static FileActionRm ToProtocol(RemoveAction remove, ISet<string> caps)
    {
        if (remove.AllowWildcard)
            caps.Add("file.rm.wildcard");
        return new FileActionRm { Path = remove.Path, AllowNotFound = remove.AllowNotFound, AllowWildcard = remove.AllowWildcard };
    }

    private FileActionSymlink ToProtocol(LinkAction link, ISet<string> caps)
    {
        caps.Add("file.symlink.create");
        return new FileActionSymlink { Oldpath = link.Target, Newpath = link.Path, Timestamp = link.Timestamp, Owner = ToProtocol(link.Owner) };
    }

    private ChownOpt? ToProtocol(FileOwner? owner) => owner is null ? null : new ChownOpt
    {
        User = ToProtocol(owner.UserName, owner.User),
        Group = ToProtocol(owner.GroupName, owner.Group),
    };

    // A name is looked up in the /etc/passwd or /etc/group of the tree that the actions start from.
    private UserOpt ToProtocol(string name, uint id) =>
        name.Length > 0 ? new UserOpt { ByName = new NamedUserOpt { Name = name, Input = IndexOf(root) } } : new UserOpt { ById = id };
}
