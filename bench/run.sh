#!/usr/bin/env bash
# Whole commands against their peers, in one run: medians of 5, milliseconds, and ratios. Prints the table of bench/README.md.
#
#   bench/run.sh [noop|cold|sync|scale]...      all of them without arguments
#
# Needs a private engine (eng/engine.sh): the peers are docker and buildx, taken from the engine's own distribution.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export DOCKER_HOST
DOCKER_HOST=$(eng/engine.sh start 2>/dev/null)
version=$(eng/pack.sh)
eng/index.sh "$cache/wheels"
tools=$repository/artifacts/tools/linux-x64
envd=$tools/envd
public=$(sed -n 's/.*key="nuget.org" value="\([^"]*\)".*/\1/p' nuget.config)

feed() {
  cat >"$1/nuget.config" <<XML
<configuration><packageSources><clear /><add key="envd" value="$repository/artifacts/feed" /><add key="bench" value="$work/feed" /><add key="nuget.org" value="$public" /></packageSources></configuration>
XML
}
project() { # folder name body
  mkdir -p "$1"
  feed "$1"
  printf '<Project Sdk="Envd.Sdk/%s"><PropertyGroup><ContainerBaseImage>debian:trixie</ContainerBaseImage></PropertyGroup>%s</Project>\n' "$version" "$3" >"$1/$2.csproj"
}

noop() {
  # An empty project whose SDK comes from a feed as ours does.
  mkdir -p "$work/sdk/Sdk" "$work/feed" "$work/empty" "$work/notargets"
  echo '<Project />' | tee "$work/sdk/Sdk/Sdk.props" >"$work/sdk/Sdk/Sdk.targets"
  cat >"$work/sdk/Empty.Sdk.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework><PackageType>MSBuildSdk</PackageType><Version>1.0.0-b$$</Version>
<IncludeBuildOutput>false</IncludeBuildOutput><NoPackageAnalysis>true</NoPackageAnalysis></PropertyGroup><ItemGroup><None Include="Sdk/**" Pack="true" PackagePath="Sdk/" /></ItemGroup></Project>
XML
  feed "$work/sdk"
  dotnet pack "$work/sdk/Empty.Sdk.csproj" -o "$work/feed" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
  feed "$work/empty"
  echo "<Project Sdk=\"Empty.Sdk/1.0.0-b$$\"><Target Name=\"Build\" /></Project>" >"$work/empty/empty.csproj"
  feed "$work/notargets"
  echo '<Project Sdk="Microsoft.Build.NoTargets/3.7.0"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>' >"$work/notargets/n.csproj"
  body='<ItemGroup><Language Include="python" /><AptPackage Include="git" /><PythonPackage Include="numpy" /><PythonIndex Include="pypi" Url="'$cache/wheels'" /><Service Include="jupyterlab" /></ItemGroup>'
  project "$work/noop" noop "$body"
  for p in empty/empty notargets/n; do dotnet build "$work/$p.csproj" >/dev/null; done
  dotnet build "$work/noop/noop.csproj" -t:EnvdImage >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
  local ours empty notargets docker
  ours=$(median dotnet build "$work/noop/noop.csproj" -t:EnvdImage)
  empty=$(median dotnet build "$work/empty/empty.csproj")
  notargets=$(median dotnet build "$work/notargets/n.csproj")
  row 'no-op `dotnet build -t:EnvdImage`' "$ours" "NoTargets $notargets" "$(ratio "$ours" "$notargets")" '≤ 0.45'
  row 'the same, over an empty project' "$ours" "empty $empty" "+$((ours - empty)) ms" '≤ +90 ms'
  mkdir -p "$work/noop/data"
  (cd "$work/noop/data" && seq 50000 | xargs -n 5000 touch)
  row '… with 50,000 files beside it' "$(median dotnet build "$work/noop/noop.csproj" -t:EnvdImage)" '' '' 'the same'
  project "$work/copy" copy '<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><Step Include="data" Copy="data/**" TargetPath="/data/" /></ItemGroup>'
  mv "$work/noop/data" "$work/copy/data"
  dotnet build "$work/copy/copy.csproj" -t:EnvdImage >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
  row '… with 50,000 files under a Copy' "$(median dotnet build "$work/copy/copy.csproj" -t:EnvdImage)" '' '' '≤ 1000'
  "$envd" up --detach --project "$work/noop" >/dev/null 2>&1
  printf 'FROM debian:trixie\nRUN echo bench\n' >"$work/Dockerfile"
  mkdir -p "$work/context"
  buildx build -q -f "$work/Dockerfile" -t bench:noop "$work/context" >/dev/null 2>&1
  ours=$(median "$envd" build --project "$work/noop")
  docker=$(median buildx build -q -f "$work/Dockerfile" -t bench:noop "$work/context")
  row 'no-op `envd build`' "$ours" "buildx $docker" "$(ratio "$ours" "$docker")" '≤ 0.60'
  row 'no-op `envd up`' "$(median "$envd" up --detach --project "$work/noop")" '' '' '≤ 120'
  local cpu
  cpu=$(for _ in $(seq "$runs"); do bash -c "TIMEFORMAT='%U %S'; time '$envd' --help >/dev/null" 2>&1; done | awk '{print ($1 + $2) * 1000}' | sort -n | sed -n "$(((runs + 1) / 2))p")
  row '`envd --help`, CPU' "$cpu" '' '' '≤ 60'
  "$envd" down --project "$work/noop" >/dev/null 2>&1
}

cold() {
  # An engine that has seen nothing: no build cache, and for the first rows no cache mounts either. The base image is unpacked for both alike.
  project "$work/cold" cold '<PropertyGroup><EnvdDev>false</EnvdDev></PropertyGroup><ItemGroup><AptPackage Include="python3" /></ItemGroup>'
  printf 'FROM debian:trixie\nRUN apt-get update && apt-get install -y --no-install-recommends python3\n' >"$work/Dockerfile"
  mkdir -p "$work/context"
  dotnet build "$work/cold/cold.csproj" -t:EnvdImage >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
  # Several filters of one call must all hold, so each type is a call of its own; cache mounts are what stays.
  local all='buildx prune -af' warm='for type in regular source.local internal frontend; do buildx prune -af --filter type=$type; done'
  local before docker cold warmed
  image() { rm -f "$work"/cold/obj/envd-lean/image-*.json; "$envd" build --project "$work/cold" --progress Quiet; }
  # In turns: an engine grows slower while it deletes what was pruned, and must not do so for one side alone.
  local i docker_times=() cold_times=() warm_times=()
  runs=1
  for i in 1 2 3 4 5; do
    before="$all; call_rmi bench:cold"
    docker_times+=("$(median buildx build --load -f "$work/Dockerfile" -t bench:cold "$work/context")")
    before="$all; call_rmi cold:latest"
    cold_times+=("$(median image)")
    before="$warm; call_rmi cold:latest"
    warm_times+=("$(median image)")
  done
  docker=$(printf '%s\n' "${docker_times[@]}" | sort -n | sed -n 3p)
  cold=$(printf '%s\n' "${cold_times[@]}" | sort -n | sed -n 3p)
  warmed=$(printf '%s\n' "${warm_times[@]}" | sort -n | sed -n 3p)
  row '`apt-get install python3`, engine that has seen nothing' "$cold" "buildx $docker" "$(ratio "$cold" "$docker")" '≤ 0.70'
  row '… with our apt cache warm' "$warmed" "buildx $docker" "$(ratio "$warmed" "$docker")" '≤ 0.50'
}
call_rmi() { "$peers/docker" rmi -f "$1"; }

sync() {
  local small=$work/small big=$work/big ours docker
  mkdir -p "$small" "$big"
  (cd "$small" && for d in $(seq 200); do mkdir "$d"; for f in $(seq 100); do head -c 4096 /dev/urandom >"$d/$f"; done; done)
  for f in $(seq 50); do head -c 10485760 /dev/urandom >"$big/$f"; done
  for set in small big; do
    local folder=$work/$set
    printf 'FROM scratch AS s\nCOPY . /\nFROM debian:trixie\nCOPY --from=s /1 /one\n' >"$work/Dockerfile.$set"
    project "$work/sync-$set" "sync$set" "<PropertyGroup><EnvdDev>false</EnvdDev><EnvdContextDirectory>$folder</EnvdContextDirectory></PropertyGroup><ItemGroup><Stage Include=\"s\" From=\"scratch\" /><Step Include=\"all\" Stage=\"s\" Copy=\".\" TargetPath=\"/\" /><Step Include=\"one\" FromStage=\"s\" Copy=\"/1\" TargetPath=\"/one\" /></ItemGroup>"
    image() { rm -f "$work/sync-$set"/obj/envd-lean/image-*.json; "$envd" build --project "$work/sync-$set" --progress Quiet; }
    fresh() { buildx prune -af; }
    before=fresh docker=$(median buildx build -q -t bench:sync -f "$work/Dockerfile.$set" "$folder")
    before=fresh ours=$(median image)
    row "first sync, $set" "$ours" "buildx $docker" "$(ratio "$ours" "$docker")" '≤ 1.10'
    before='' docker=$(median buildx build -q -t bench:sync -f "$work/Dockerfile.$set" "$folder")
    before='' ours=$(median image)
    row "sync of nothing new, $set" "$ours" "buildx $docker" "$(ratio "$ours" "$docker")" ''
  done
}

# Compose and emit of a huge project, by MSBuild's own account of its targets, and of one a tenth of its size.
scale() {
  local n ms
  for n in 1000 10000; do
    mkdir -p "$work/scale-$n"
    feed "$work/scale-$n"
    awk -v n="$n" -v sdk="$version" 'BEGIN {
      print "<Project Sdk=\"Envd.Sdk/" sdk "\"><PropertyGroup><ContainerBaseImage>debian:trixie</ContainerBaseImage></PropertyGroup><ItemGroup>"
      for (i = 1; i <= n; i++) print "<PythonPackage Include=\"package-" i "\" Version=\"1." i "\" />"
      for (s = 1; s <= n / 50; s++) {
        print "<Stage Include=\"s" s "\" AddToImage=\"true\" From=\"base\" />"
        for (t = 1; t <= 5; t++) print "<Step Include=\"t" t "\" Stage=\"s" s "\" Run=\"echo " s " " t "\" />"
      }
      print "<Step Include=\"data\" Copy=\"data/**\" TargetPath=\"/data/\" /></ItemGroup></Project>" }' >"$work/scale-$n/p.csproj"
    mkdir -p "$work/scale-$n/data"
    (cd "$work/scale-$n/data" && seq $((n * 5)) | xargs -n 5000 touch)
    ms=$(for _ in $(seq "$runs"); do
      rm -rf "$work/scale-$n/obj"
      dotnet build "$work/scale-$n/p.csproj" -t:EnvdEmit -tl:off -clp:PerformanceSummary >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
      awk '/ms +(ComposeEnvironment|EmitEnvironment)/ { sum += $1 } END { print sum }' "$work/out"
    done | middle)
    row "compose and emit: $n packages, $((n / 10)) steps in $((n / 50)) stages, $((n * 5)) files" "$ms" '' '' "$([ "$n" = 10000 ] && echo '≤ 2000')"
  done
}

row 'case (ms, median)' 'Envd' 'peer' 'ratio' 'bar'
row --- --- --- --- ---
for part in "${@:-noop cold sync scale}"; do for p in $part; do "$p"; done; done
