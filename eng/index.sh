#!/usr/bin/env bash
# A package index for machines that do not reach PyPI: wheels made again from Debian's own python3-* packages, in one folder.
#
#   eng/index.sh FOLDER      makes it, or finds it made; the engine is DOCKER_HOST's
#
# The wheels hold what Debian built, with the libraries that it needs; versions of dependencies are not pinned in them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: eng/index.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
stamp=$folder/.made-$(sha256sum "$here/index.sh" "$here/repack-wheels.py" | sha256sum | cut -c1-12)
[ -f "$stamp" ] && exit
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
image=${ENVD_BASE_IMAGE:-debian:trixie}
say() { printf 'index: %s\n' "$*" >&2; }
case $host in
  unix://*) call() { curl -sS --unix-socket "${host#unix://}" "$@"; } base=http://engine ;;
  tcp://*) call() { curl -sS "$@"; } base=http://${host#tcp://} ;;
  *) say "DOCKER_HOST is $host; the index needs unix:// or tcp://"; exit 1 ;;
esac

# What people ask for in a first environment, and packages that tests tell apart by size.
packages='jupyterlab python3-ipykernel python3-numpy python3-six python3-attr python3-packaging python3-idna python3-tqdm python3-toolz'
say "making wheels from Debian's packages (once): $packages"
script='set -eu
export DEBIAN_FRONTEND=noninteractive
mkdir -p /work && cd /work
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io python3 python3-packaging patchelf binutils >/dev/null
names=$(apt-get install -s -qq --no-install-recommends --reinstall '$packages' | awk "/^Inst/ {print \$2}" | sort -u)
python=$(printf "%s\n" $names | grep -E "^(python3-|jupyterlab\$)" | grep -vE "^python3-(minimal|dev|distutils|lib2to3|venv|pip|setuptools|pkg-resources)\$")
# The libraries of compiled parts; what only an interpreter of JavaScript needs is left where it is.
libraries=$(printf "%s\n" $names | grep -E "^(lib(blas|lapack|gfortran|quadmath|zmq|sodium|pgm|norm|bsd|md|krb5|k5crypto|gssapi|keyutils|com-err|krb5support|yaml|tinfo|ffi|xml2|protobuf)|libatlas|libopenblas)" || true)
[ -z "$libraries" ] || apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io $libraries >/dev/null
mkdir -p debs && cd debs && apt-get download -qq $python && cd ..
python3 /in/repack-wheels.py debs /out
chown -R "$(stat -c %u:%g /out)" /out'

rm -f "$folder"/*.whl
body=$(SCRIPT=$script IN=$here OUT=$folder IMAGE=$image awk 'function q(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); gsub(/\n/, "\\n", s); gsub(/\t/, "\\t", s); return "\"" s "\"" }
  BEGIN { printf "{\"Image\":%s,\"Cmd\":[\"/bin/sh\",\"-c\",%s],\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":%s,\"Target\":\"/in\",\"ReadOnly\":true},{\"Type\":\"bind\",\"Source\":%s,\"Target\":\"/out\"}]}}",
    q(ENVIRON["IMAGE"]), q(ENVIRON["SCRIPT"]), q(ENVIRON["IN"]), q(ENVIRON["OUT"]) }')
created=$(call -X POST -H 'Content-Type: application/json' -d "$body" "$base/containers/create")
id=$(printf '%s' "$created" | sed -n 's/.*"Id":"\([0-9a-f]*\)".*/\1/p')
[ -n "$id" ] || { say "the engine made no container: $created"; exit 1; }
trap 'call -X DELETE "$base/containers/$id?force=true" >/dev/null 2>&1 || true' EXIT
call -X POST "$base/containers/$id/start"
result=$(call -X POST "$base/containers/$id/wait")
case $result in
  *'"StatusCode":0'*) ;;
  *) call "$base/containers/$id/logs?stdout=1&stderr=1&tail=20" | tr -d '\000-\010' >&2; say "making the wheels failed"; exit 1 ;;
esac
touch "$stamp"
say "$(find "$folder" -name '*.whl' | wc -l) wheels in $folder"
