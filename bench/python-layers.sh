#!/usr/bin/env bash
# Adding one Python package, side by side with a Dockerfile that does `RUN --mount=type=cache pip install -r requirements.txt`, on one engine in one run.
#
#   bench/python-layers.sh [change|position|share|growth|push]...      all of them without arguments
#
# Real wheels (numpy, scipy, pandas, scikit-learn, matplotlib and what they need), from a folder on both sides, pip's cache warm. "Written" is what the
# engine's folder grew by. Needs a private engine (eng/engine.sh).
set -euo pipefail
. "$(dirname "$0")/common.sh"
runs=${ENVD_BENCH_RUNS:-3}
export DOCKER_HOST
DOCKER_HOST=$(eng/engine.sh start 2>/dev/null)
version=$(eng/pack.sh)
wheels=$cache/science
ENVD_INDEX_PACKAGES="jupyterlab python3-ipykernel python3-numpy python3-scipy python3-pandas python3-sklearn python3-matplotlib python3-six python3-attr python3-packaging python3-idna python3-tqdm python3-toolz python3-networkx python3-sympy" \
  eng/index.sh "$wheels"
data=$cache/containerd/data
envd=$repository/artifacts/tools/linux-x64/envd
public=$(sed -n 's/.*key="nuget.org" value="\([^"]*\)".*/\1/p' nuget.config)
# Both take wheels from a copy of the folder, so that a version can be added to it.
mkdir -p "$work/wheels" "$work/docker" "$work/bench"
mkfifo "$work/leash" # the worker lives as long as its input
exec 9<>"$work/leash"
cp "$wheels"/*.whl "$work/wheels/"
cat >"$work/nuget.config" <<XML
<configuration><packageSources><clear /><add key="envd" value="$repository/artifacts/feed" /><add key="nuget.org" value="$public" /></packageSources></configuration>
XML
science="numpy scipy pandas scikit-learn matplotlib"

# declare_packages PROJECT APT PYTHON: the project of both sides.
ratio() { awk "BEGIN { printf \"%.3f\", $1 / $2 }"; }
declare_packages() {
  mkdir -p "$work/$1"
  cp "$work/nuget.config" "$work/$1/"
  cat >"$work/$1/$1.csproj" <<XML
<Project Sdk="Envd.Sdk/$version"><PropertyGroup><ContainerBaseImage>debian:trixie</ContainerBaseImage><EnvdDev>false</EnvdDev></PropertyGroup>
<ItemGroup><Language Include="python" />$([ -z "$2" ] || echo "<AptPackage Include=\"${2// /;}\" />")<PythonPackage Include="${3// /;}" /><PythonIndex Include="pypi" Url="$work/wheels" /></ItemGroup></Project>
XML
  printf '%s\n' $3 >"$work/docker/requirements.txt"
  cat >"$work/docker/Dockerfile" <<EOF
FROM debian:trixie
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && python3 -m venv /venv
${2:+RUN apt-get update && apt-get install -y --no-install-recommends $2}
COPY requirements.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=bind,from=wheels,target=/wheels /venv/bin/pip install --no-index --find-links /wheels -r /requirements.txt
EOF
}
settle() { sync; sleep "${1:-3}"; }
# Files that the engine has written since `mark`, by their change times: what it deletes meanwhile does not count, nor do its databases.
mark() { settle 2; touch "$work/mark"; }
written() { sync; { find "$data" -type f -cnewer "$work/mark" ! -name '*.db' -printf '%s\n' 2>/dev/null || true; } | awk '{ s += $1 } END { printf "%d", s / 1024 }'; }
lock() { "$envd" lock --project "$work/$1" --progress quiet "${@:2}" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; exit 1; }; }
emit() { dotnet build "$work/$1/$1.csproj" -t:EnvdEmit -getProperty:EnvdStateDirectory >"$work/$1/state"; }
ours_engine() { # what MSBuild starts, by itself
  "$envd" worker --protocol 1 --project "$work/$1/$1.csproj" --folder "$work/$1" --state "$(cat "$work/$1/state")" --engine "$DOCKER_HOST" <&9
}
ours_whole() { dotnet build "$work/$1/$1.csproj" -t:EnvdImage; }
docker_build() { buildx build -q --build-context wheels="$work/wheels" -t bench-docker "$work/docker"; }
prune() { buildx prune -af >/dev/null 2>&1; DOCKER_CONFIG=$peers/config "$peers/docker" image rm -f bench-docker "$@" >/dev/null 2>&1 || true; settle; }

# A version that is newer than the index' own: the same files under another number.
newer() {
  python3 - "$work/wheels" "$1" "$2" <<'PY'
import glob, os, re, sys, zipfile
folder, name, version = sys.argv[1:]
old = sorted(glob.glob(os.path.join(folder, name + "-*.whl")))[0]
known = os.path.basename(old).split("-")[1]
with zipfile.ZipFile(old) as source, zipfile.ZipFile(old.replace("-%s-" % known, "-%s-" % version), "w", zipfile.ZIP_DEFLATED) as target:
    for item in source.infolist():
        data = source.read(item)
        if item.filename.endswith("/METADATA"):
            data = data.replace(b"Version: " + known.encode(), b"Version: " + version.encode(), 1)
        if item.filename.endswith("/RECORD"):
            data = re.sub(rb"(?m)^.*METADATA,.*$\n", b"", data.replace(("%s-%s." % (name, known)).encode(), ("%s-%s." % (name, version)).encode()))
        target.writestr(item.filename.replace("%s-%s." % (name, known), "%s-%s." % (name, version)), data)
PY
}

# compare TITLE BAR: both sides go from what is built to what is declared; the lock is current.
compare() {
  local ours theirs written_ours written_theirs
  mark
  theirs=$(once docker_build)
  written_theirs=$(written)
  emit bench
  mark
  ours=$(once ours_engine bench)
  written_ours=$(written)
  row "$1" "$ours ms, $((written_ours / 1024)) MB" "$theirs ms, $((written_theirs / 1024)) MB" "$(ratio "$ours" "$theirs") time, $(ratio "$((written_ours > 0 ? written_ours : 0))" "$written_theirs") bytes" "$2"
  last_theirs=$theirs
}

change() {
  printf '\n| change | Envd, engine | Dockerfile | ratio | bar |\n| --- | --- | --- | --- | --- |\n'
  declare_packages bench '' "$science"
  docker_build >/dev/null 2>&1 || true # fills pip's cache
  lock bench
  prune bench:latest
  compare 'first build' '≤ 1.0'
  declare_packages bench '' "$science tqdm"; lock bench
  compare 'a small package added' '≤ 0.05'
  newer tqdm 99.0
  declare_packages bench '' "$science tqdm"; lock bench --upgrade tqdm
  sed -i 's/^tqdm$/tqdm==99.0/' "$work/docker/requirements.txt"
  compare 'a small package upgraded' '≤ 0.05'
  declare_packages bench '' "$science"
  echo '# changed' >>"$work/docker/requirements.txt"
  compare 'a small package removed' '≤ 0.05'
  declare_packages bench '' "matplotlib scikit-learn pandas scipy numpy"
  compare 'order changed' ''
  declare_packages bench '' "$science sympy"; lock bench
  compare 'a large package added (sympy)' ''
  declare_packages bench 'tree' "$science sympy"; lock bench
  compare 'an apt package added' ''
  declare_packages bench 'tree' "$science sympy toolz"; lock bench
  local whole
  whole=$(once ours_whole bench)
  row 'a small package added, whole `dotnet build -t:EnvdImage`' "$whole ms" "$last_theirs ms" "$(ratio "$whole" "$last_theirs")" '≤ 0.10'
}

position() {
  printf '\n| the one that changes | position | Envd, engine | written |\n| --- | --- | --- | --- |\n'
  declare_packages bench '' "$science toolz"; lock bench; emit bench; ours_engine bench >/dev/null
  local name
  for name in toolz matplotlib pandas scipy; do
    newer "$name" 99.0
    lock bench --upgrade "$name"; emit bench
    mark
    local time
    time=$(once ours_engine bench)
    printf '| %s | %s | %s ms | %s MB |\n' "$name" "$(sed -n '/^large/,/]/p' "$work/bench/pylock.toml" | awk -v name="\"$name\"," '$1 == name { print NR - 1 ", from the bottom"; found = 1 } END { if (!found) print "on top" }')" "$time" "$(($(written) / 1024))"
  done
}

share() {
  printf '\n| second environment | Envd, engine | written | own packages, unpacked |\n| --- | --- | --- | --- |\n'
  declare_packages bench '' "$science toolz tqdm"; lock bench; emit bench; ours_engine bench >/dev/null
  declare_packages second '' "$science toolz tqdm networkx"; lock second; emit second
  local time own
  mark
  time=$(once ours_engine second)
  own=$(grep -A8 'name = "networkx"' "$work/second/pylock.toml" | sed -n 's/installed-size = //p' | head -1)
  printf '| the same and networkx | %s ms | %s MB | %s MB |\n' "$time" "$(($(written) / 1024))" "$((own / 1048576))"
}

growth() {
  printf '\n| packages | one small package added, engine | layers of the image |\n| --- | --- | --- |\n'
  local all count names
  all=$(for wheel in "$work"/wheels/*.whl; do basename "$wheel" | cut -d- -f1; done | sort -u | grep -vxE 'toolz|setuptools|html5lib_modern')
  for count in 10 50 500; do
    names=$(echo "$all" | head -n "$count" | tr '\n' ' ')
    declare_packages grow '' "${names% }"; lock grow; emit grow; ours_engine grow >/dev/null
    newer toolz "9.$count.$$" # one that no run before has installed
    declare_packages grow '' "${names}toolz"; lock grow; emit grow
    local time
    time=$(once ours_engine grow)
    printf '| %s | %s ms | %s |\n' "$(grep -c '^\[\[packages' "$work/grow/pylock.toml")" "$time" "$(curl -s --unix-socket "${DOCKER_HOST#unix://}" http://engine/images/grow:latest/json | tr ',' '\n' | grep -c 'sha256:[0-9a-f]*"\]*$' )"
    rm -rf "$work/grow"
  done
}

push() {
  printf '\n| what a push of the changed image sends | Envd | Dockerfile |\n| --- | --- | --- |\n'
  mkdir -p "$work/registry"
  printf 'version: 0.1\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: 127.0.0.1:5871 }\n' "$work/registry" >"$work/registry.yml"
  docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  registry=$!
  local before ours
  trap 'kill "$registry" 2>/dev/null || true; rm -rf "$work"' EXIT
  settle 1
  pushed() {
    declare_packages bench '' "$1"; lock bench
    dotnet build "$work/bench/bench.csproj" -t:EnvdPush -p:ContainerRegistry=127.0.0.1:5871 >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
  }
  stored() { du -sk --apparent-size "$work/registry" | cut -f1; }
  pushed "$science"
  before=$(stored); pushed "$science toolz"; ours=$(($(stored) - before))
  docker_push() { buildx build -q --build-context wheels="$work/wheels" -t 127.0.0.1:5871/bench-docker "$work/docker" --push >/dev/null 2>&1; }
  declare_packages bench '' "$science"; docker_push
  before=$(stored); declare_packages bench '' "$science toolz"; docker_push
  printf '| one small package added | %s KB | %s KB |\n' "$ours" "$(($(stored) - before))"
  kill $registry
}

for part in ${@:-change position share growth push}; do "$part"; done
