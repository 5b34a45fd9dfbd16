"""Resolves Python requirements inside the environment's own base, and describes every distribution that was chosen.

Arguments: the wanted resolution as JSON, the folder for the answer. pip resolves; it asks a small index on the loopback that sends every name to exactly one
of the declared indexes, so that no other index can supply it (dependency confusion). Ends with 95 and a line "envd: ..." where an index cannot be used.
"""
import collections
import hashlib
import html
import html.parser
import http.server
import json
import netrc
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from pip._vendor.packaging.markers import default_environment
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

wanted = json.loads(sys.argv[1])
answer = sys.argv[2]
problems = {}
served = {}


def fail(message):
    print("envd: " + message, file=sys.stderr)
    sys.exit(95)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes))


def login(url):
    try:
        found = netrc.netrc(os.environ["NETRC"]).authenticators(urllib.parse.urlsplit(url).hostname)
    except (KeyError, OSError, netrc.NetrcParseError):
        return None
    if found is None:
        return None
    import base64
    return "Basic " + base64.b64encode((found[0] + ":" + found[2]).encode()).decode()


def fetch(index, url):
    """The page's bytes and its address; None where the index does not have it."""
    request = urllib.request.Request(url, headers={"Accept": "text/html", "User-Agent": "envd"})
    authorization = login(url)
    if authorization:
        request.add_header("Authorization", authorization)
    context = ssl._create_unverified_context() if index["trusted"] else None
    for attempt in range(3):
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as response:
                return response.read(), response.url
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return None
            why = "answers %d" % error.code
            if error.code < 500 and error.code != 429:
                break
        except (OSError, urllib.error.URLError) as error:
            why = "cannot be reached (%s)" % getattr(error, "reason", error)
        time.sleep(attempt)
    problems.setdefault(index["name"], "the index '%s' at %s %s" % (index["name"], index["url"], why))
    return None


def name_of_file(file):
    match = re.match(r"(.+?)-\d", file)
    return canonicalize_name(match.group(1)) if match else ""


folders = {}


def folder(index):
    """Links to the files of a folder by name, or of a flat page."""
    if index["name"] not in folders:
        links = collections.defaultdict(list)
        if index["folder"]:
            for file in sorted(os.listdir(index["folder"])):
                if file.endswith((".whl", ".tar.gz", ".zip")):
                    links[name_of_file(file)].append({"href": "file://" + urllib.parse.quote(os.path.join(index["folder"], file)), "file": file})
        else:
            page = fetch(index, index["url"])
            parser = Links()
            if page:
                parser.feed(page[0].decode("utf-8", "replace"))
            for link in parser.found:
                href = urllib.parse.urljoin(page[1], link.get("href", ""))
                file = urllib.parse.unquote(os.path.basename(urllib.parse.urlsplit(href).path))
                links[name_of_file(file)].append({**link, "href": href, "file": file})
        folders[index["name"]] = links
    return folders[index["name"]]


def links_of(index, name):
    if index["format"] == "flat":
        return folder(index).get(name)
    page = fetch(index, index["url"].rstrip("/") + "/" + name + "/")
    if page is None:
        return None
    parser = Links()
    parser.feed(page[0].decode("utf-8", "replace"))
    found = []
    for link in parser.found:
        href = urllib.parse.urljoin(page[1], link.get("href", ""))
        found.append({**link, "href": href, "file": urllib.parse.unquote(os.path.basename(urllib.parse.urlsplit(href).path))})
    return found


def page_of(name):
    import fnmatch
    own = [i for i in wanted["indexes"] if i["packages"] and any(fnmatch.fnmatchcase(name, canonicalize_name(p)) for p in i["packages"])]
    # The first index that has a name supplies it, and no other.
    for index in own[:1] or [i for i in wanted["indexes"] if not i["packages"]]:
        links = links_of(index, name)
        if links:
            served[name] = index["name"]
            return links
    return None


class Index(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = canonicalize_name(urllib.parse.unquote(self.path.strip("/").split("/")[-1]))
        links = page_of(name)
        rows = []
        for link in links or []:
            kept = "".join(' %s="%s"' % (k, html.escape(v or "", quote=True)) for k, v in link.items() if k.startswith("data-"))
            rows.append('<a href="%s"%s>%s</a>' % (html.escape(link["href"], quote=True), kept, html.escape(link["file"])))
        body = ("<!DOCTYPE html><html><body>" + "\n".join(rows) + "</body></html>").encode()
        self.send_response(404 if links is None else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = "http://127.0.0.1:%d/simple/" % server.server_port
options = ["--index-url", address]
for index in wanted["indexes"]:
    if index["trusted"]:
        options += ["--trusted-host", urllib.parse.urlsplit(index["url"]).netloc]
environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_") or k == "PIP_CERT"}
environment["no_proxy"] = environment["NO_PROXY"] = ",".join(filter(None, [environment.get("no_proxy", ""), "127.0.0.1"]))
environment["PIP_CONFIG_FILE"] = os.devnull


def pip(*arguments, quiet=False):
    result = subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode and not quiet:
        # What conflicts with what is no error to pip, but information.
        why = result.stdout.find("The conflict is caused by:")
        sys.stderr.write((result.stdout[why:] if why >= 0 else "") + result.stderr)
    return result


def resolve(pins):
    arguments = ["install", "--dry-run", "--report", "/dev/shm/envd-report.json", *options]
    if pins:
        with open("/dev/shm/envd-pins.txt", "w") as file:
            file.write("\n".join(pins) + "\n")
        arguments += ["--constraint", "/dev/shm/envd-pins.txt"]
    for path in wanted["constraints"]:
        arguments += ["--constraint", path]
    for path in wanted["files"]:
        arguments += ["--requirement", path]
    return pip(*arguments, "--", *wanted["requirements"], *wanted["wheels"], quiet=bool(pins))


os.makedirs(answer, exist_ok=True)
result = resolve(wanted["pins"])
if result.returncode and wanted["pins"]:
    # What was locked does not go with what is wanted now: everything may move.
    result = resolve([])
if problems and result.returncode:
    fail("; ".join(problems.values()))
if result.returncode:
    sys.exit(1)
with open("/dev/shm/envd-report.json") as file:
    report = json.load(file)

entries = []
by_requirement = []
for item in report["install"]:
    metadata, download = item["metadata"], item["download_info"]
    entry = {"name": canonicalize_name(metadata["name"]), "version": metadata["version"], "requested": item["requested"],
             "requiresPython": metadata.get("requires_python", ""), "extras": item.get("requested_extras", []),
             "url": download["url"], "sha256": (download.get("archive_info") or {}).get("hashes", {}).get("sha256", "")}
    entry["index"] = served.get(entry["name"], "")
    entry["requires"] = metadata.get("requires_dist", [])
    if "vcs_info" in download:
        entry["kind"] = "vcs"
        entry["commit"] = download["vcs_info"]["commit_id"]
        entry["reference"] = download["vcs_info"].get("requested_revision", "")
        entry["subdirectory"] = download.get("subdirectory", "")
        by_requirement.append("%s @ git+%s@%s" % (metadata["name"], download["url"], entry["commit"]))
    elif entry["url"].endswith(".whl"):
        entry["kind"] = "wheel"
        by_requirement.append("%s @ %s" % (metadata["name"], entry["url"]))
    else:
        entry["kind"] = "sdist"
        by_requirement.append("%s @ %s" % (metadata["name"], entry["url"]))
    entries.append(entry)

# Every chosen file, from pip's own cache where it was fetched for the resolution; sources are built, since their size is known only then.
wheels = "/dev/shm/envd-wheels" if not os.path.isdir("/var/tmp") else "/var/tmp/envd-wheels"
os.makedirs(wheels, exist_ok=True)
if by_requirement:
    with open("/dev/shm/envd-chosen.txt", "w") as file:
        file.write("\n".join(by_requirement) + "\n")
    if pip("wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, *options, "--requirement", "/dev/shm/envd-chosen.txt").returncode:
        if problems:
            fail("; ".join(problems.values()))
        sys.exit(1)

built = {}
for file in sorted(os.listdir(wheels)):
    built[canonicalize_name(file.split("-")[0])] = os.path.join(wheels, file)

marker_environment = default_environment()
names = {e["name"] for e in entries}
active = collections.defaultdict(set)
for entry in entries:
    active[entry["name"]].update(entry["extras"])
changed = True
while changed:
    changed = False
    for entry in entries:
        entry["dependencies"] = []
        for text in entry["requires"]:
            requirement = Requirement(text)
            extras = active[entry["name"]] or {""}
            if requirement.marker and not any(requirement.marker.evaluate({**marker_environment, "extra": e}) for e in extras | {""}):
                continue
            name = canonicalize_name(requirement.name)
            if name in names and name != entry["name"]:
                entry["dependencies"].append(name)
            if name in names and not requirement.extras <= active[name]:
                active[name].update(requirement.extras)
                changed = True
        entry["dependencies"] = sorted(set(entry["dependencies"]))

owners = {}
overlaps = []
for entry in entries:
    path = built[entry["name"]]
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    entry["file"] = os.path.basename(path)
    entry["size"] = os.path.getsize(path)
    entry["installedSize"] = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            entry["installedSize"] += member.file_size
            target = re.sub(r"^[^/]+\.data/(?:purelib|platlib)/", "", member.filename)
            target = re.sub(r"^[^/]+\.data/scripts/", "bin/", target)
            if target.endswith("/"):
                continue
            other = owners.setdefault(target, (entry["name"], member.CRC))
            if other[0] != entry["name"] and other[1] != member.CRC:
                overlaps.append({"path": target, "first": other[0], "second": entry["name"]})
    if entry["kind"] == "wheel":
        if entry["sha256"] and entry["sha256"] != digest:
            fail("%s from %s has the SHA-256 %s, and its index says %s" % (entry["file"], entry["url"], digest, entry["sha256"]))
        entry["sha256"] = digest
    del entry["requires"], entry["extras"]

with open(os.path.join(answer, "python.json"), "w") as file:
    json.dump({"packages": sorted(entries, key=lambda e: e["name"]), "overlaps": overlaps}, file)
