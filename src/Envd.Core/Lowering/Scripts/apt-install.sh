# Installs the packages that are its arguments.
command -v apt-get >/dev/null 2>&1 || {
  echo "envd: the base image has no apt-get; AptPackage and services need Debian or Ubuntu" >&2
  exit 93
}
apt_install "$@"
