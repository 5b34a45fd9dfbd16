# Sourced by the scripts of this folder: what demo and tests have in common.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_CLI_UI_LANGUAGE=en
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# A package folder of the repository's own: NuGet caches a version for ever.
export NUGET_PACKAGES=$repository/artifacts/packages
cache=${ENVD_ENGINE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/envd-engine}
reaches() { curl -s -o /dev/null --max-time 5 "$1"; }
image_present() {
  case $DOCKER_HOST in
    unix://*) curl -s --unix-socket "${DOCKER_HOST#unix://}" "http://engine/images/$1/json" ;;
    tcp://*) curl -s "http://${DOCKER_HOST#tcp://}/images/$1/json" ;;
  esac 2>/dev/null | grep -q '"Id"'
}
