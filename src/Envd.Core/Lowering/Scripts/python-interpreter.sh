# Sees to a Python with venv: the base's own, else the distribution's. $1 is the wanted version, a prefix, or empty.
wanted=$1
fits() {
  command -v python3 >/dev/null 2>&1 || return 1
  python3 -c 'import sys, venv, ensurepip
have = "%d.%d.%d." % sys.version_info[:3]
want = sys.argv[1].rstrip(".")
sys.exit(0 if not want or have.startswith(want + ".") else 1)' "$wanted" 2>/dev/null
}
if fits; then exit 0; fi
command -v apt-get >/dev/null 2>&1 || {
  echo "envd: the base image has neither a fitting Python nor apt-get; take a base image with Python" >&2
  exit 93
}
apt_install python3 python3-venv
if ! fits; then
  echo "envd: Python $wanted is wanted, and the distribution has $(python3 --version 2>&1); leave Version out, or take a base image with Python $wanted" >&2
  exit 93
fi
