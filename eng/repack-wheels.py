#!/usr/bin/env python3
"""Makes wheels (PEP 427) from Debian's python3-* packages: repack-wheels.py FOLDER-OF-DEBS OUTPUT.

Runs in a container of the base image. Compiled parts get the libraries they need beside them, as auditwheel does it. Requirements keep
their names and lose their versions: a distribution's packages fit each other by construction.
"""
import base64
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from packaging.requirements import InvalidRequirement, Requirement

# What every base image has: the C library's own and the compiler's runtime.
PRESENT = re.compile(r"^(ld-linux.*|lib(c|m|dl|pthread|rt|util|resolv|nsl|stdc\+\+|gcc_s|z|crypto|ssl|lzma|bz2)\.so.*)$")
EPOCH = (1980, 1, 1, 0, 0, 0)


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata_of(folder):
    """The text of METADATA, its name and version, from a dist-info or egg-info."""
    if folder.endswith(".dist-info"):
        path = os.path.join(folder, "METADATA")
    else:
        path = os.path.join(folder, "PKG-INFO") if os.path.isdir(folder) else folder
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    requires = os.path.join(folder, "requires.txt")
    if "Requires-Dist:" not in text and os.path.isfile(requires):
        with open(requires, encoding="utf-8") as file:
            plain = file.read().split("[")[0]
        head, _, body = text.partition("\n\n")
        text = head + "".join(f"\nRequires-Dist: {line.strip()}" for line in plain.splitlines() if line.strip()) + "\n\n" + body
    name = re.search(r"^Name: (.+)$", text, re.M).group(1).strip()
    version = re.search(r"^Version: (.+)$", text, re.M).group(1).strip()
    return text, name, version


def relax(text, known):
    """Requirements that hold here, by name alone."""
    head, separator, body = text.partition("\n\n")
    lines = []
    for line in head.splitlines():
        match = re.match(r"^Requires-Dist: (.+)$", line)
        if match:
            try:
                requirement = Requirement(match.group(1))
            except InvalidRequirement:
                continue
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if normalize(requirement.name) in known:
                lines.append(f"Requires-Dist: {requirement.name}")
            continue
        if not line.startswith(("Provides-Extra:", "Requires-Python:")):
            lines.append(line)
    return "\n".join(lines) + separator + body


def libraries_of(path):
    """Libraries that a file needs and a base image lacks, by name and path."""
    output = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    found = {}
    for name, target in re.findall(r"^\s*(\S+) => (/\S+)", output, re.M):
        if not PRESENT.match(name):
            found[name] = os.path.realpath(target)
    return found


def bundle(tree, dist):
    """Puts libraries beside compiled parts and points the parts at them."""
    parts = [os.path.join(folder, file) for folder, _, files in os.walk(tree) for file in files if file.endswith(".so")]
    libs = os.path.join(tree, f"{dist}.libs")
    for part in parts:
        needed = libraries_of(part)
        if not needed:
            continue
        os.makedirs(libs, exist_ok=True)
        for name, path in needed.items():
            target = os.path.join(libs, name)
            if not os.path.exists(target):
                shutil.copyfile(path, target)
                os.chmod(target, 0o755)
                subprocess.run(["patchelf", "--set-rpath", "$ORIGIN", target], check=True)
        relative = os.path.relpath(libs, os.path.dirname(part))
        subprocess.run(["patchelf", "--set-rpath", f"$ORIGIN/{relative}", part], check=True)
    return bool(parts)


def add_data(root, dist, tree):
    """Files below /usr/share and /etc that Jupyter reads from the environment's own prefix."""
    for source, target in (("usr/share/jupyter", "share/jupyter"), ("etc/jupyter", "etc/jupyter")):
        folder = os.path.join(root, source)
        if os.path.isdir(folder):
            destination = os.path.join(tree, f"{dist}.data", "data", target)
            for parent, _, files in os.walk(folder):
                for file in files:
                    path = os.path.join(parent, file)
                    if os.path.islink(path):
                        path = os.path.join(root, os.path.realpath(path).lstrip("/")) if not os.path.exists(path) else path
                        if not os.path.exists(path):
                            continue
                    goal = os.path.join(destination, os.path.relpath(parent, folder), file)
                    os.makedirs(os.path.dirname(goal), exist_ok=True)
                    shutil.copyfile(path, goal)


def write_wheel(tree, info, output, name):
    record = []
    path = os.path.join(output, name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        def put(arcname, data, mode):
            entry = zipfile.ZipInfo(arcname, EPOCH)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{arcname},sha256={digest},{len(data)}")

        for parent, folders, files in os.walk(tree):
            folders.sort()
            for file in sorted(files):
                full = os.path.join(parent, file)
                with open(full, "rb") as stream:
                    put(os.path.relpath(full, tree), stream.read(), 0o755 if os.access(full, os.X_OK) else 0o644)
        record.append(f"{info}/RECORD,,")
        entry = zipfile.ZipInfo(f"{info}/RECORD", EPOCH)
        entry.external_attr = 0o100644 << 16
        archive.writestr(entry, "\n".join(record) + "\n")


def repack(root, output, known):
    site = os.path.join(root, "usr/lib/python3/dist-packages")
    infos = sorted(glob.glob(site + "/*.dist-info") + glob.glob(site + "/*.egg-info"))
    if not infos:
        return
    # A package holds one distribution; where it holds several, the first carries all files and the others their metadata alone.
    for position, info in enumerate(infos):
        text, name, version = metadata_of(info)
        dist = re.sub(r"[-.]+", "_", name)
        info_name = f"{dist}-{version}.dist-info"
        with tempfile.TemporaryDirectory() as tree:
            if position == 0:
                shutil.copytree(site, tree, dirs_exist_ok=True, symlinks=False, ignore_dangling_symlinks=True,
                                ignore=lambda folder, names: {n for n in names if n == "__pycache__" or (folder == site and n.endswith((".dist-info", ".egg-info", ".pth")))})
                add_data(root, f"{dist}-{version}", tree)
            compiled = position == 0 and bundle(tree, dist)
            target = os.path.join(tree, info_name)
            os.makedirs(target)
            entry_points = os.path.join(info, "entry_points.txt")
            if os.path.isfile(entry_points):
                shutil.copyfile(entry_points, os.path.join(target, "entry_points.txt"))
            with open(os.path.join(target, "METADATA"), "w", encoding="utf-8") as file:
                file.write(relax(text, known))
            tag = f"cp{sys.version_info[0]}{sys.version_info[1]}-cp{sys.version_info[0]}{sys.version_info[1]}-linux_{os.uname().machine}" if compiled else "py3-none-any"
            with open(os.path.join(target, "WHEEL"), "w", encoding="utf-8") as file:
                file.write(f"Wheel-Version: 1.0\nGenerator: envd-repack\nRoot-Is-Purelib: {'false' if compiled else 'true'}\nTag: {tag}\n")
            write_wheel(tree, info_name, output, f"{dist}-{version}-{tag}.whl")


def main(debs, output):
    with tempfile.TemporaryDirectory() as work:
        roots = []
        for deb in sorted(glob.glob(debs + "/*.deb")):
            root = os.path.join(work, os.path.basename(deb))
            subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
            roots.append(root)
        known = set()
        for root in roots:
            site = os.path.join(root, "usr/lib/python3/dist-packages")
            for info in glob.glob(site + "/*.dist-info") + glob.glob(site + "/*.egg-info"):
                known.add(normalize(metadata_of(info)[1]))
        for root in roots:
            repack(root, output, known)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
