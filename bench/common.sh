# Sourced by the benches: medians, ratios, rows, and the peers docker and buildx from the engine's own distribution.
. "$(dirname "${BASH_SOURCE[0]}")/../eng/common.sh"
cd "$repository"
runs=${ENVD_BENCH_RUNS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
peers=$cache/peers
if [ ! -x "$peers/docker" ]; then
  mkdir -p "$peers/debs" "$peers/tree" "$peers/config/cli-plugins"
  cp -L /etc/resolv.conf "$cache/rootfs/etc/resolv.conf"
  chroot "$cache/rootfs" sh -c 'mkdir -p /tmp/peers && cd /tmp/peers && rm -f *.deb && apt-get update -qq && apt-get download -qq docker-cli docker-buildx' >/dev/null 2>&1
  for deb in "$cache"/rootfs/tmp/peers/*.deb; do dpkg-deb -x "$deb" "$peers/tree"; done
  cp "$peers/tree/usr/bin/docker" "$peers/docker"
  cp "$peers"/tree/usr/libexec/docker/cli-plugins/docker-buildx "$peers/config/cli-plugins/" 2>/dev/null \
    || cp "$(find "$peers/tree" -name docker-buildx -type f | head -1)" "$peers/config/cli-plugins/docker-buildx"
fi
buildx() { DOCKER_CONFIG=$peers/config "$peers/docker" buildx "$@"; }

now() { date +%s%N; }
# once COMMAND...: milliseconds of one run; the command must succeed.
once() {
  local start
  [ -z "${before:-}" ] || eval "$before" >/dev/null 2>&1
  start=$(now)
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; echo "bench: '$*' failed" >&2; exit 1; }
  echo $((($(now) - start) / 1000000))
}
middle() { sort -n | sed -n "$(((runs + 1) / 2))p"; }
# median COMMAND...: milliseconds of the median run.
median() { for _ in $(seq "$runs"); do once "$@"; done | middle; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
row() { printf '| %s | %s | %s | %s | %s |\n' "$@"; }
