#!/usr/bin/env bash
# The test engine: the Docker that this machine has, or, where there is none and we are root on Debian or
# Ubuntu, a private dockerd in a root file system of its own.
#
#   eng/engine.sh start  [--store containerd|graphdriver] [--no-image]   prints the engine's address on stdout
#   eng/engine.sh stop   [--store S]
#   eng/engine.sh status [--store S]
#   eng/engine.sh clean                          stops all and removes everything this script has made
#
# --spare MEGABYTES names a private engine beside the others whose data are in memory: every start makes a new one. It alone can be
# killed (`kill`) and stopped for a while (`pause`, `resume`): the tests of what happens then are its purpose. With --closed its containers
# reach this machine alone, as in a closed network.
#
# Data lie under ${ENVD_ENGINE_HOME:-${XDG_CACHE_HOME:-~/.cache}/envd-engine}, outside the clone.
set -euo pipefail

home=${ENVD_ENGINE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/envd-engine}
suite=trixie
base_image=debian:trixie
store=containerd
image=yes
spare=''
closed=''
packages=docker.io,containerd,runc,iptables,ca-certificates,procps,git
verb=${1:-}
[ $# -gt 0 ] && shift
while [ $# -gt 0 ]; do
  case $1 in
    --store) store=${2:-}; shift 2 ;;
    --store=*) store=${1#*=}; shift ;;
    --no-image) image=no; shift ;;
    --spare) spare=${2:-}; shift 2 ;;
    --closed) closed=yes; shift ;;
    *) echo "engine.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
done
case $store in
  containerd) bridge=envdc0 subnet=10.213.1.1/24 ;;
  graphdriver) bridge=envdg0 subnet=10.213.2.1/24 ;;
  *) echo "engine.sh: --store is containerd or graphdriver, not '$store'" >&2; exit 2 ;;
esac
root=$home/rootfs
state=$home/$store
if [ -n "$spare" ]; then
  bridge=envds0 subnet=10.213.3.1/24 state=$home/spare ENVD_ENGINE_PRIVATE=yes
fi
socket=$state/docker.sock
say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Does a Docker engine answer at this unix socket? bash alone cannot speak to one, so curl or our own root fs's must.
answers() { curl -s --max-time 5 --unix-socket "$1" http://engine/_ping 2>/dev/null | grep -q OK; }

# An engine of the machine's own: DOCKER_HOST, or the default socket; none where ENVD_ENGINE_PRIVATE=yes.
own_engine() {
  if [ -n "${DOCKER_HOST:-}" ] && [ "${ENVD_ENGINE_PRIVATE:-}" != yes ]; then
    case $DOCKER_HOST in
      "unix://$home"/*) ;; # one of ours
      unix://*) answers "${DOCKER_HOST#unix://}" && { echo "$DOCKER_HOST"; return 0; } ;;
      tcp://*) curl -s --max-time 5 "http://${DOCKER_HOST#tcp://}/_ping" 2>/dev/null | grep -q OK && { echo "$DOCKER_HOST"; return 0; } ;;
      *) echo "$DOCKER_HOST"; return 0 ;;
    esac
  fi
  [ "${ENVD_ENGINE_PRIVATE:-}" != yes ] && [ -S /var/run/docker.sock ] && answers /var/run/docker.sock && { echo unix:///var/run/docker.sock; return 0; }
  return 1
}

# The engine's own store decides which of our two names it answers to.
own_store() {
  local info
  info=$(curl -s --max-time 10 --unix-socket "${1#unix://}" http://engine/info 2>/dev/null || true)
  case $info in *io.containerd.snapshotter*) echo containerd ;; *) echo graphdriver ;; esac
}

running() { [ -f "$state/pid" ] && kill -0 "$(cat "$state/pid")" 2>/dev/null && answers "$socket"; }

# install_packages COMMAND:PACKAGE...: those whose command is missing, where we may.
install_packages() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "missing: ${missing[*]}; install them"
  say "installing ${missing[*]}"
  apt-get update -qq -o Acquire::Retries=5 >/dev/null || die "apt-get update failed: no Debian mirror is reached from here"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || die "apt-get install ${missing[*]} failed"
}

# The mirror of the machine's own apt configuration, or ENVD_DEBIAN_MIRROR; trixie never enters the machine's own sources.
mirror() {
  [ -z "${ENVD_DEBIAN_MIRROR:-}" ] || { echo "$ENVD_DEBIAN_MIRROR"; return; }
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null \
    | grep -m1 -E '/debian/?$' || die "apt's configuration names no mirror of Debian (Ubuntu's does not): set ENVD_DEBIAN_MIRROR to one"
}

require_space() {
  local free
  mkdir -p "$home"
  free=$(df -Pm "$home" | awk 'NR==2{print $4}')
  [ "$free" -ge 6000 ] || die "needs 6000 MB free under $home, there are $free MB; set ENVD_ENGINE_HOME to a larger disk"
}

make_root() {
  if [ -f "$root/.complete" ]; then
    [ "$(cat "$root/.complete")" != "$packages" ] || return 0
    say "adding to the engine's root file system: $packages"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    chroot "$root" sh -c "apt-get update -qq -o Acquire::Retries=5 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends ${packages//,/ }" >"$home/mmdebstrap.log" 2>&1 \
      || { cat "$home/mmdebstrap.log" >&2; die "apt-get in the root file system failed"; }
    printf %s "$packages" >"$root/.complete"
    return
  fi
  require_space
  say "making the engine's root file system (once, ~500 MB)"
  rm -rf "$root" "$root.tmp"
  # /usr/share/keyrings of an older Debian lacks trixie's key; its keyring package is in that Debian's own updates.
  mmdebstrap --quiet --variant=minbase --include="$packages" \
    "$suite" "$root.tmp" "$(mirror)" 2>"$home/mmdebstrap.log" \
    || { cat "$home/mmdebstrap.log" >&2; die "mmdebstrap failed"; }
  printf %s "$packages" >"$root.tmp/.complete"
  mv "$root.tmp" "$root"
}

# Runs inside unshare --mount --pid --fork as PID 1 of the engine: builds its view of the file system, then keeps dockerd.
inside() {
  mount --make-rprivate /
  mount --bind "$root" "$root"
  cd "$root"
  mount --rbind /dev dev
  mount --rbind /sys sys
  mount -t proc proc proc
  mount -t tmpfs -o mode=755 tmpfs run
  mkdir -p var/lib/docker etc/docker
  if [ -n "$spare" ]; then mount -t tmpfs -o "size=${spare}m" tmpfs var/lib/docker; else mount --bind "$state/data" var/lib/docker; fi
  cp -L /etc/resolv.conf etc/resolv.conf
  # Host folders at their own paths, so that bind mounts of an environment mean what they say.
  local dir
  for dir in /*; do
    case $dir in
      /bin|/boot|/dev|/etc|/lib|/lib32|/lib64|/libx32|/proc|/run|/sbin|/sys|/usr|/var|/lost+found) continue ;;
    esac
    [ -d "$dir" ] && [ ! -L "$dir" ] || continue
    mkdir -p ".$dir"
    mount --rbind "$dir" ".$dir"
  done
  mkdir -p .envd-old ."$state"
  mountpoint -q ."$state" || mount --bind "$state" ."$state" 2>/dev/null || true
  pivot_root . .envd-old
  cd /
  umount -l /.envd-old
  export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
  unset DOCKER_HOST
  dockerd --config-file "$state/daemon.json" --host "unix://$socket" --pidfile /run/dockerd.pid \
    --bridge "$bridge" ${closed:+--ip-masq=false} --data-root /var/lib/docker --exec-root "/run/docker" >>"$state/dockerd.log" 2>&1 </dev/null &
  local daemon=$!
  trap 'kill -TERM $daemon 2>/dev/null' TERM INT
  # wait returns early when the trap runs; as PID 1 we also reap what the shims leave.
  while kill -0 $daemon 2>/dev/null; do wait $daemon || true; done
}

start_bridge() {
  ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
  ip addr show dev "$bridge" | grep -q "${subnet%/*}/" || ip addr add "$subnet" dev "$bridge"
  ip link set "$bridge" up
}

import_base() {
  local answer
  answer=$(curl -s --unix-socket "$socket" "http://engine/images/$base_image/json" || true)
  case $answer in *'"Id"'*) return ;; esac
  if [ ! -f "$home/base.tar" ]; then
    say "making the base image $base_image from the distribution's mirror (once)"
    mmdebstrap --quiet --variant=apt --include=ca-certificates "$suite" "$home/base.tar.tmp" "$(mirror)" \
      --format=tar 2>"$home/mmdebstrap.log" || { cat "$home/mmdebstrap.log" >&2; die "mmdebstrap failed"; }
    mv "$home/base.tar.tmp" "$home/base.tar"
  fi
  say "importing $base_image"
  curl -sS --fail -X POST -H 'Content-Type: application/x-tar' --data-binary @"$home/base.tar" --unix-socket "$socket" \
    "http://engine/images/create?fromSrc=-&repo=${base_image%:*}&tag=${base_image#*:}&changes=CMD%20%5B%22bash%22%5D" \
    >"$state/import.log" || die "the engine refused the base image: $(cat "$state/import.log")"
}

start() {
  local found
  install_packages curl:curl
  if [ -z "$spare" ] && found=$(own_engine); then
    say "using the machine's own Docker at $found"
    echo "$found"
    return
  fi
  [ "$(id -u)" = 0 ] || die "no Docker answers at DOCKER_HOST or /var/run/docker.sock, and a private engine needs root: install Docker, or run as root on Debian or Ubuntu"
  grep -qiE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null || die "no Docker answers, and a private engine is made on Debian and Ubuntu alone: install Docker"
  install_packages mmdebstrap:mmdebstrap ip:iproute2
  if ! running; then
    make_root
    mkdir -p "$state/data"
    stop_engine
    # Tests say what is cached: an engine that keeps a tenth of a small disk would forget it in the middle of one.
    local gc='"builder":{"gc":{"enabled":false}}'
    if [ "$store" = containerd ]; then
      echo "{$gc,\"features\":{\"containerd-snapshotter\":true}}" >"$state/daemon.json"
    else
      echo "{$gc}" >"$state/daemon.json"
    fi
    start_bridge
    : >"$state/dockerd.log"
    say "starting dockerd ($store store)"
    setsid env ENVD_ENGINE_HOME="$home" unshare --mount --pid --fork --kill-child \
      bash "$0" inside --store "$store" ${spare:+--spare "$spare"} ${closed:+--closed} >>"$state/dockerd.log" 2>&1 </dev/null &
    echo $! >"$state/pid"
    disown
    local tries=0
    until answers "$socket"; do
      tries=$((tries + 1))
      kill -0 "$(cat "$state/pid")" 2>/dev/null || { tail -20 "$state/dockerd.log" >&2; die "dockerd ended while starting"; }
      [ $tries -lt 120 ] || { tail -20 "$state/dockerd.log" >&2; die "dockerd did not answer within 60 s"; }
      sleep 0.5
    done
  fi
  [ $image = no ] || import_base
  say "ready: unix://$socket"
  echo "unix://$socket"
}

stop_engine() {
  local pid init
  if [ -f "$state/pid" ]; then
    pid=$(cat "$state/pid")
    # $pid is unshare; its only child is PID 1 of the engine. A TERM there stops dockerd and with it its containers.
    init=$(ps -o pid= --ppid "$pid" 2>/dev/null | tr -d ' ' || true)
    if [ -n "$init" ]; then
      kill -TERM "$init" 2>/dev/null || true
      for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
      kill -KILL "$pid" 2>/dev/null || true
      for _ in $(seq 50); do kill -0 "$init" 2>/dev/null || break; sleep 0.1; done
    fi
    rm -f "$state/pid"
  fi
  rm -f "$socket"
  if command -v ip >/dev/null && ip link show "$bridge" >/dev/null 2>&1; then
    ip link del "$bridge"
    if [ -d "$root" ]; then
      # dockerd leaves its rules for the bridge behind.
      local table
      for table in nat filter; do
        chroot "$root" iptables -t $table -S 2>/dev/null | grep -E "^-A .*($bridge|${subnet%.*}\.)" | sed 's/^-A/-D/' \
          | while read -r rule; do chroot "$root" iptables -t $table $rule 2>/dev/null || true; done
      done
    fi
  fi
}

# signal_engine SIGNAL: to dockerd alone, whose end is the engine's.
signal_engine() {
  [ -n "$spare" ] && [ -f "$state/pid" ] || die "only a running --spare engine takes signals"
  local init
  init=$(ps -o pid= --ppid "$(cat "$state/pid")" | tr -d ' ')
  kill "-$1" "$(ps -o pid=,comm= --ppid "$init" | awk '$2 == "dockerd" { print $1 }')"
}

case $verb in
  start) start ;;
  kill) signal_engine KILL ;;
  pause) signal_engine STOP ;;
  resume) signal_engine CONT ;;
  inside) inside ;;
  stop) stop_engine; say "stopped ($store)" ;;
  status)
    if running; then echo "private engine ($store): running at unix://$socket"
    elif command -v curl >/dev/null && found=$(own_engine); then echo "the machine's own engine ($(own_store "$found") store): running at $found"
    else echo "not running"; exit 3; fi ;;
  clean)
    for store in containerd graphdriver; do "$0" stop --store "$store"; done
    "$0" stop --spare 0
    rm -rf --one-file-system "$home"
    say "removed $home" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
