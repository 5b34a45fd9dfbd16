#!/usr/bin/env bash
# From a fresh clone to JupyterLab: engine, packages, a project from the template, its image, `envd up`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$repository"
say() { printf '\n== %s\n' "$*"; }
command -v dotnet >/dev/null || { echo "demo: the .NET SDK 10 is needed: https://dotnet.microsoft.com/download" >&2; exit 1; }

say "An engine"
export DOCKER_HOST
DOCKER_HOST=$(eng/engine.sh start)
echo "DOCKER_HOST=$DOCKER_HOST"

say "Envd's own packages, into artifacts/feed"
version=$(eng/pack.sh)
echo "$version"

options=()
if image_present ubuntu:24.04 || reaches https://registry-1.docker.io/v2/; then
  echo "base image: ubuntu:24.04"
elif image_present debian:trixie; then
  echo "base image: debian:trixie, made from the distribution's mirror, since Docker Hub is not reached from here"
  options+=(--base-image debian:trixie)
else
  echo "demo: Docker Hub is not reached from here, and the engine holds neither ubuntu:24.04 nor debian:trixie: load one of them" >&2
  exit 1
fi
if ! reaches https://pypi.org/simple/pip/; then
  echo "package index: wheels made from Debian's packages, since PyPI is not reached from here"
  eng/index.sh "$cache/wheels"
  options+=(--package-index "$cache/wheels")
fi

say "A new project: dotnet new envd-python"
folder=$repository/artifacts/demo/quickstart
hive=$repository/artifacts/demo/hive-$version
mkdir -p "$folder"
[ -d "$hive" ] || dotnet new install "Envd.Templates@$version" --add-source "$repository/artifacts/feed" --debug:custom-hive "$hive" >/dev/null
cat >"$repository/artifacts/demo/nuget.config" <<XML
<configuration>
  <packageSources>
    <clear />
    <add key="envd" value="$repository/artifacts/feed" />
  </packageSources>
</configuration>
XML
cd "$folder"
dotnet new envd-python --force --debug:custom-hive "$hive" "${options[@]}"
rm -f dotnet-tools.json .config/dotnet-tools.json
dotnet new tool-manifest >/dev/null
dotnet tool install Envd.Tool --version "$version" >/dev/null
cat quickstart.csproj

say "dotnet build -t:EnvdImage"
dotnet build -t:EnvdImage -tl:off -v:minimal

say "dotnet tool run envd up --detach"
started=$(date +%s)
addresses=$(dotnet tool run envd up --detach)
echo "$addresses"
url=$(printf '%s\n' "$addresses" | awk '$1 == "jupyterlab" {print $2}')
plain=${url%%/lab*}
with=$(curl -s -o /dev/null -w '%{http_code}' "$url")
without=$(curl -s -o /dev/null -w '%{http_code}' "$plain/api/contents")
numpy=$(dotnet tool run envd exec -- python -c 'import numpy; print(numpy.__version__)')
echo "JupyterLab answers $with with its token and $without without; numpy $numpy is there; up in $(($(date +%s) - started)) s."
[ "$with" = 200 ] && [ "$without" = 403 ]
if command -v ssh >/dev/null; then
  ssh -o BatchMode=yes quickstart.envd 'echo "ssh quickstart.envd reaches $(id -un) on $(uname -n)."'
fi

say "Yours now"
echo "Open       $url"
echo "Work in    $folder"
echo "Stop       (cd $folder && DOCKER_HOST=$DOCKER_HOST dotnet tool run envd down)"
case $DOCKER_HOST in *"$cache"*) echo "Remove all eng/engine.sh clean" ;; esac
