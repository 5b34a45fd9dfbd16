#!/usr/bin/env bash
# Everything: builds with warnings as errors, checks the format, packs, starts engines, runs all tests.
# Ends with the line `N passed, N failed`. A filter as MSTest's --filter takes it may follow: eng/test.sh 'FullyQualifiedName~Compose'
set -uo pipefail
. "$(dirname "$0")/common.sh"
cd "$repository"
passed=0 failed=0
filter=${1:-}
began=$(date +%s)
say() { printf '\n== %s (%s s)\n' "$*" "$(($(date +%s) - began))"; }
finish() {
  [ "${keep:-}" = yes ] || for store in ${started:-}; do eng/engine.sh stop --store "$store"; done
  printf '\n%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
  exit
}
broken() { echo "test.sh: $*" >&2; failed=$((failed + 1)); finish; }

# Tests use OpenSSH as a user would, and a real registry.
if { ! command -v ssh-agent || ! command -v docker-registry; } >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "Debian's openssh-client and docker-registry"
  apt-get update -qq -o Acquire::Retries=5 >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends openssh-client docker-registry >/dev/null 2>&1
fi

say "Engines"
stores=() started=''
for store in containerd graphdriver; do
  before=$(eng/engine.sh status --store "$store" 2>/dev/null || true)
  case $before in
    "the machine's own engine ($store store)"*) address=$(eng/engine.sh start --store "$store") || broken "the machine's engine does not answer" ;;
    # The machine's engine has the other store: a private one beside it needs root.
    "the machine's own engine"*) [ "$(id -u)" = 0 ] || continue; address=$(DOCKER_HOST='' ENVD_ENGINE_PRIVATE=yes eng/engine.sh start --store "$store") || continue ;;
    *) address=$(eng/engine.sh start --store "$store") || broken "no engine with the $store store"
       case $before in private*) ;; *) started="$started $store" ;; esac ;;
  esac
  stores+=("$store")
  export "ENVD_TEST_$(echo "$store" | tr a-z A-Z)=$address"
done
export ENVD_TEST_STORES="${stores[*]}"
[ ${#stores[@]} -gt 0 ] || broken "no engine"
echo "stores: $ENVD_TEST_STORES"

say "Build"
dotnet build Envd.sln -c Release -v quiet -nologo || broken "the solution does not build"
if [ -z "$filter" ]; then
  say "Format"
  dotnet format Envd.sln --verify-no-changes --no-restore -v quiet || broken "dotnet format would change files"
fi
say "Packages"
ENVD_TEST_VERSION=$(eng/pack.sh) || broken "the packages do not pack"
export ENVD_TEST_VERSION ENVD_TEST_REPOSITORY=$repository ENVD_TEST_WHEELS=$cache/wheels
first=ENVD_TEST_$(echo "${stores[0]}" | tr a-z A-Z)
DOCKER_HOST=${!first} eng/index.sh "$ENVD_TEST_WHEELS" || broken "the package index could not be made"

mkdir -p artifacts/test
for project in tests/*.Tests; do
  name=$(basename "$project")
  say "$name"
  log=artifacts/test/$name.log
  arguments=()
  [ -z "$filter" ] || arguments=(--filter "$filter" --ignore-exit-code 8)
  "$project/bin/Release/net10.0/$name" "${arguments[@]}" --progress off >"$log" 2>&1
  code=$?
  # Under CI the runner colours its output.
  sed -i 's/\x1b\[[0-9;]*m//g' "$log"
  p=$(sed -n 's/^ *succeeded: //p' "$log" | tail -1)
  f=$(sed -n 's/^ *failed: //p' "$log" | tail -1)
  [ -n "$p" ] || [ "$code" = 8 ] || { echo "$name ended without a summary" >&2; failed=$((failed + 1)); }
  passed=$((passed + ${p:-0}))
  failed=$((failed + ${f:-0}))
  if [ "$code" != 0 ] && [ "$code" != 8 ]; then
    [ "${f:-0}" != 0 ] || failed=$((failed + 1))
    grep -vE '^\s*$' "$log" | tail -150
  fi
  echo "$name: ${p:-0} passed, ${f:-0} failed"
done
finish
