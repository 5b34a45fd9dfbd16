# Installs wheels of a lock into the virtual environment, with no network: $1 its folder, $2 wheel-layer.py; the rest, by four: name, version,
# "requested" or empty, SHA-256 or empty (a wheel that a step of this build has made). The files lie in /dev/shm/envd/wheels and /dev/shm/envd/built/NAME.
home=$1
finish=$2
shift 2
requested=''
: >/dev/shm/envd-hashed
: >/dev/shm/envd-built
while [ $# -gt 0 ]; do
  if [ -n "$3" ]; then requested="$requested $1"; fi
  if [ -n "$4" ]; then
    printf '%s==%s --hash=sha256:%s\n' "$1" "$2" "$4" >>/dev/shm/envd-hashed
  else
    printf '%s==%s\n' "$1" "$2" >>/dev/shm/envd-built
  fi
  shift 4
done
# By name and version: a path would leave a record of where the file lay.
for list in hashed built; do
  [ -s "/dev/shm/envd-$list" ] || continue
  set -- --find-links /dev/shm/envd/wheels
  for folder in /dev/shm/envd/built/*; do [ ! -d "$folder" ] || set -- "$@" --find-links "$folder"; done
  envd_pip "$home/bin/python" install --quiet --no-index --no-deps --no-compile --ignore-installed --root-user-action=ignore "$@" --requirement "/dev/shm/envd-$list"
done
"$home/bin/python" -c "$finish" "$home" /dev/shm/envd-stamp "$requested"
