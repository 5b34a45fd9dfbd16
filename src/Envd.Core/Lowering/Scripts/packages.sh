# Installs packages of whichever manager the base has: $1 how many packages of apt, $2 how many of dnf; then those, then the ones of apk.
apt=$1
dnf=$2
shift 2
apk=$(($# - apt - dnf))
if command -v apt-get >/dev/null 2>&1; then
  skip=0 take=$apt manager=apt
elif command -v dnf >/dev/null 2>&1; then
  skip=$apt take=$dnf manager=dnf
elif command -v microdnf >/dev/null 2>&1; then
  skip=$apt take=$dnf manager=microdnf
elif command -v apk >/dev/null 2>&1; then
  skip=$((apt + dnf)) take=$apk manager=apk
else
  echo "envd: the base image has none of apt-get, dnf and apk; take a base image with one of them" >&2
  exit 93
fi
if [ "$take" = 0 ]; then
  echo "envd: the base image has $manager, and no package of it is declared; add items of its kind, or take another base image" >&2
  exit 93
fi
# The first ones are dropped, the wanted ones go once around to the end, and what is left before them is dropped, too.
shift "$skip"
rest=$(($# - take))
while [ "$take" -gt 0 ]; do
  set -- "$@" "$1"
  shift
  take=$((take - 1))
done
shift "$rest"
case $manager in
  apt) apt_install "$@" ;;
  *)
    envd_begin
    case $manager in
      dnf) dnf install -y -q --setopt=install_weak_deps=False --setopt=keepcache=True --setopt=cachedir=/dev/shm/envd/cache/dnf -- "$@" ;;
      microdnf) microdnf install -y --setopt=install_weak_deps=0 --setopt=keepcache=1 --setopt=cachedir=/dev/shm/envd/cache/dnf "$@" ;;
      apk) apk add --cache-dir /dev/shm/envd/cache/apk -- "$@" ;;
    esac
    find /var/log -type f -newer /dev/shm/envd-stamp -delete
    envd_end
    ;;
esac
