# Sees to a language: the base's own, else the distribution's. $1 the language, $2 the wanted version (a prefix) or empty, the rest: packages.
language=$1
wanted=${2%.}
shift 2
version() {
  case $language in
    go) go env GOVERSION | sed 's/^go//' ;;
    java) java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p' ;;
    nodejs) node --version | sed 's/^v//' ;;
    r) R --version | sed -n 's/^R version \([^ ]*\).*/\1/p' ;;
    rust) rustc --version | cut -d' ' -f2 ;;
  esac 2>/dev/null
}
fits() {
  have=$(version || true)
  if [ -z "$have" ]; then return 1; fi
  if [ -z "$wanted" ]; then return 0; fi
  case $have. in "$wanted".*) return 0 ;; *) return 1 ;; esac
}
if fits; then exit 0; fi
command -v apt-get >/dev/null 2>&1 || {
  echo "envd: the base image has neither a fitting $language nor apt-get; take a base image with it" >&2
  exit 93
}
apt_install "$@"
if ! fits; then
  echo "envd: $language $wanted is wanted, and the distribution has $(version); leave Version out, or take a base image with $language $wanted" >&2
  exit 93
fi
