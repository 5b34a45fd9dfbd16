#!/usr/bin/env bash
# Packs Envd.Sdk, Envd.Tool, Envd.Templates and the libraries into artifacts/feed, and prints the version.
# The version carries a hash of the sources: NuGet caches a version for ever, and would run yesterday's packages.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

hash=$(find src templates Directory.Build.props Directory.Packages.props eng/pack.sh -type f -not -path '*/bin/*' -not -path '*/obj/*' -print0 \
  | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
# A letter first: a part of a version that is all digits must not begin with 0.
version=1.0.0-dev.h$hash
feed=$PWD/artifacts/feed
if [ -f "$feed/Envd.Sdk.$version.nupkg" ] && [ -f "$feed/Envd.Templates.$version.nupkg" ]; then
  echo "$version"
  exit
fi
mkdir -p artifacts
log=$PWD/artifacts/pack.log
: >"$log"
run() { "$@" >>"$log" 2>&1 || { tail -30 "$log" >&2; echo "pack.sh: '$*' failed; all of it is in artifacts/pack.log" >&2; exit 1; }; }

rm -rf artifacts/tools artifacts/feed.tmp
# For any machine, and ahead of time for this one: ReadyToRun halves what a no-op build costs.
runtimes=(any)
case $(uname -s)-$(uname -m) in Linux-x86_64) runtimes+=(linux-x64) ;; esac
for runtime in "${runtimes[@]}"; do
  options=(-c Release -p:Version="$version" -o "artifacts/tools/$runtime" -p:DebugType=none -p:PublishDocumentationFiles=false -p:PackAsTool=false)
  [ "$runtime" = any ] || options+=(-r "$runtime" --self-contained false -p:PublishReadyToRun=true)
  # The tasks first: what both carry is then the worker's.
  run dotnet publish src/Envd.Tasks/Envd.Tasks.csproj "${options[@]}"
  run dotnet publish src/Envd.Tool/Envd.Tool.csproj "${options[@]}"
done
run dotnet pack src/Envd.Sdk/Envd.Sdk.csproj -c Release -p:Version="$version" -o artifacts/feed.tmp
run dotnet pack src/Envd.Tool/Envd.Tool.csproj -c Release -p:Version="$version" -o artifacts/feed.tmp
run dotnet pack templates/Envd.Templates.csproj -c Release -p:Version="$version" -o artifacts/feed.tmp
run dotnet pack src/Envd.Llb/Envd.Llb.csproj -c Release -p:Version="$version" -o artifacts/feed.tmp
run dotnet pack src/Envd.BuildKit/Envd.BuildKit.csproj -c Release -p:Version="$version" -o artifacts/feed.tmp
rm -rf "$feed"
mv artifacts/feed.tmp "$feed"
echo "$version"
