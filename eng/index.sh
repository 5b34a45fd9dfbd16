#!/usr/bin/env bash
# A package index for machines that do not reach PyPI: wheels made again from Debian's own python3-* packages, in one folder.
#
#   eng/index.sh FOLDER      makes it, or finds it made; the engine is DOCKER_HOST's; ENVD_INDEX_PACKAGES names other packages of Debian's
#
# The wheels hold what Debian built, with the libraries that it needs; versions of dependencies are not pinned in them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: eng/index.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# What people ask for in a first environment, and packages that tests tell apart by size.
packages=${ENVD_INDEX_PACKAGES:-jupyterlab python3-ipykernel python3-numpy python3-six python3-attr python3-packaging python3-idna python3-tqdm python3-toolz}
stamp=$folder/.made-$(cat "$here/index.sh" "$here/index-inside.sh" "$here/repack-wheels.py" - <<<"$packages" | sha256sum | cut -c1-12)
[ -f "$stamp" ] && exit
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
image=${ENVD_BASE_IMAGE:-debian:trixie}
say() { printf 'index: %s\n' "$*" >&2; }
case $host in
  unix://*) call() { curl -sS --unix-socket "${host#unix://}" "$@"; }; base=http://engine ;;
  tcp://*) call() { curl -sS "$@"; }; base=http://${host#tcp://} ;;
  *) say "DOCKER_HOST is $host; the index needs unix:// or tcp://"; exit 1 ;;
esac

say "making wheels from Debian's packages (once): $packages"
rm -f "$folder"/*.whl
json() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }
body="{\"Image\":$(json "$image"),\"Env\":[$(json "PACKAGES=$packages")],\"Cmd\":[\"/bin/sh\",\"/in/index-inside.sh\"],\"HostConfig\":{\"Mounts\":[
  {\"Type\":\"bind\",\"Source\":$(json "$here"),\"Target\":\"/in\",\"ReadOnly\":true},{\"Type\":\"bind\",\"Source\":$(json "$folder"),\"Target\":\"/out\"}]}}"
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
