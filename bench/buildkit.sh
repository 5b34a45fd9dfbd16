#!/usr/bin/env bash
# The client by itself against Go's (docker buildx), in one run and in turns: medians of 5, milliseconds, and ratios. Prints the table of bench/README.md.
#
#   bench/buildkit.sh [sync|export|marshal|cold]...      all of them without arguments
#
# Needs root: the engine is a spare one whose data are in memory (10 GB), so that no disk is measured.
set -euo pipefail
. "$(dirname "$0")/common.sh"
export DOCKER_HOST
DOCKER_HOST=$(eng/engine.sh start --spare 10000 2>/dev/null)
trap 'eng/engine.sh stop --spare 1 2>/dev/null; rm -rf "$work" "$memory"' EXIT
memory=$(mktemp -d /dev/shm/envd-bench.XXXXXX)
client=$work/client/envd-bench-buildkit
dotnet publish bench/buildkit -c Release -r linux-x64 --self-contained false -p:PublishReadyToRun=true -p:PublishDocumentationFiles=false -o "$work/client" -v quiet >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }

# turns OURS THEIRS: both medians, one run of each after the other; the engine is then as busy for both.
turns() {
  local i ours=() theirs=()
  for i in $(seq "$runs"); do
    theirs+=("$(once $2)")
    ours+=("$(once $1)")
  done
  echo "$(printf '%s\n' "${ours[@]}" | middle) $(printf '%s\n' "${theirs[@]}" | middle)"
}

sync() {
  mkdir -p "$memory/small" "$memory/big"
  (cd "$memory/small" && for d in $(seq 200); do mkdir "$d"; for f in $(seq 100); do head -c 4096 /dev/urandom >"$d/$f"; done; done)
  for f in $(seq 50); do head -c 10485760 /dev/urandom >"$memory/big/$f"; done
  printf 'FROM scratch\nCOPY . /\n' >"$memory/Dockerfile"
  theirs() { buildx build -f "$memory/Dockerfile" --output type=cacheonly "$memory/$set"; }
  ours() { "$client" build "$memory/Dockerfile" "$memory/$set"; }
  local set o t
  for set in small big; do
    before='buildx prune -af'
    read -r o t < <(turns ours theirs)
    row "first sync, $set" "$o" "buildx $t" "$(ratio "$o" "$t")" '≤ 1.05'
    before=''
    read -r o t < <(turns ours theirs)
    row "sync of nothing new, $set" "$o" "buildx $t" "$(ratio "$o" "$t")" ''
  done
  before=''
}

export_() {
  printf 'FROM debian:trixie AS b\nRUN mkdir /d && for i in $(seq 50); do dd if=/dev/urandom of=/d/$i bs=1M count=10 2>/dev/null; done\nFROM scratch\nCOPY --from=b /d /d\n' >"$memory/Dockerfile"
  mkdir -p "$memory/empty"
  buildx build -f "$memory/Dockerfile" "$memory/empty" >/dev/null 2>&1
  local kind o t
  theirs() { buildx build -f "$memory/Dockerfile" --output "type=$kind,dest=$memory/theirs" "$memory/empty"; }
  ours() { "$client" build "$memory/Dockerfile" "$memory/empty" "$kind" "$memory/ours"; }
  for kind in tar local; do
    before='rm -rf "$memory/theirs" "$memory/ours"'
    read -r o t < <(turns ours theirs)
    row "export of 500 MB, $kind" "$o" "buildx $t" "$(ratio "$o" "$t")" '≤ 1.05'
  done
  before=''
}

marshal() {
  local bar
  "$client" marshal | while read -r length ms bytes; do
    case $length in 1000) bar='≤ 10' ;; 10000) bar='≤ 100' ;; *) bar='' ;; esac
    row "marshal a chain of $length states, warm" "$ms" "$bytes bytes a state" '' "$bar"
  done
}

cold() {
  printf 'FROM debian:trixie\nRUN echo 1\nRUN echo 2\n' >"$memory/Dockerfile"
  mkdir -p "$memory/empty"
  "$client" cached
  row 'cold process to a cached solve, no session' "$(median "$client" cached)" '' '' ''
  local o t
  theirs() { buildx build -f "$memory/Dockerfile" --output type=cacheonly "$memory/empty"; }
  ours() { "$client" build "$memory/Dockerfile" "$memory/empty"; }
  ours && theirs >/dev/null
  read -r o t < <(turns ours theirs)
  row 'cold process to a cached Dockerfile, with a session' "$o" "buildx $t" "$(ratio "$o" "$t")" ''
  ENVD_BENCH_WHERE=1 "$client" cached | tr '\n' ' ' | sed 's/^/milliseconds since the process began: /; s/$/\n/'
}

row 'case (ms, median)' 'Envd' 'Go' 'ratio' 'bar'
row --- --- --- --- ---
for part in "${@:-sync export marshal cold}"; do for p in $part; do [ "$p" = export ] && p=export_; "$p"; done; done
