# Instead of installing, apt_install says what would be installed; prepended to the scripts that call it.
mkdir -p /opt/envd-lock
: >/opt/envd-lock/uris
apt_install() {
  envd_apt_update
  # What was locked before is preferred, as far as the source still has it.
  printf '%s\n' "${ENVD_APT_KEEP:-}" | while read -r name version; do
    [ -z "$name" ] || printf 'Package: %s\nPin: version %s\nPin-Priority: 1001\n\n' "$name" "$version"
  done >/etc/apt/preferences.d/00envd-lock
  apt-get install --print-uris -qq --no-install-recommends -o Acquire::ForceHash=SHA256 -- "$@" >/opt/envd-lock/uris
  exit 0
}
