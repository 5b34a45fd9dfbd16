"""Gives what pip has just installed its final form. Arguments: the virtual environment, a file older than all that is new, the names that a project asks for.

With neither network nor cache pip writes to the environment and to temporary folders alone: the rest of the file system need not be searched for what is new.
"""
import compileall
import concurrent.futures
import os
import py_compile
import re
import stat
import sys

home, stamp, requested = sys.argv[1], os.stat(sys.argv[2]).st_mtime_ns, set(sys.argv[3].split())
group, epoch = 10000, 315532800


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def new_entries():
    for folder, folders, files in os.walk(home):
        for name in folders + files:
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime_ns > stamp:
                yield path


sources = []
for path in list(new_entries()):
    folder, name = os.path.split(path)
    if name == "REQUESTED" and folder.endswith(".dist-info") and canonical(os.path.basename(folder).split("-")[0]) not in requested:
        os.remove(path)
        record = os.path.join(folder, "RECORD")
        with open(record, newline="") as file:
            rows = [row for row in file if "/REQUESTED," not in row]
        with open(record, "w", newline="") as file:
            file.writelines(rows)
    elif name.endswith(".py") and os.path.isfile(path):
        sources.append(path)


def compile_source(path):
    compileall.compile_file(path, quiet=2, force=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if len(sources) > 100:
    with concurrent.futures.ProcessPoolExecutor() as pool:
        list(pool.map(compile_source, sources, chunksize=50))
else:
    for path in sources:
        compile_source(path)

# Nothing in the image belongs to the user: a fixed group may write, whatever uid the caller has.
for path in new_entries():
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        os.lchown(path, 0, group)
        continue
    os.chown(path, 0, group)
    wanted = stat.S_IMODE(mode) | 0o060 | (0o2010 if stat.S_ISDIR(mode) else 0o010 if mode & 0o111 else 0)
    if wanted != stat.S_IMODE(mode) or stat.S_ISDIR(mode):
        os.chmod(path, wanted)

for path in list(new_entries()):
    os.utime(path, (epoch, epoch), follow_symlinks=False)
for top in ("/run", "/tmp", "/var/tmp", "/root"):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if not os.path.ismount(os.path.join(folder, f))]
        for path in [folder] + [os.path.join(folder, f) for f in files]:
            if os.lstat(path).st_mtime_ns > stamp and not os.path.ismount(path):
                os.utime(path, (epoch, epoch), follow_symlinks=False)
folder = home
while True:
    if os.stat(folder).st_mtime_ns > stamp:
        os.utime(folder, (epoch, epoch))
    if folder == "/":
        break
    folder = os.path.dirname(folder)
