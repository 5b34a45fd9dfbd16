# What the steps of pip share; prepended to their scripts.
envd_begin
umask 022
export PIP_CACHE_DIR=/dev/shm/envd/cache/pip
# The logins of ENVD_PIP_LOGINS: lines of a host, a user and a secret's id.
envd_pip_login() {
  if [ -n "${ENVD_PIP_LOGINS:-}" ] && [ ! -e /dev/shm/envd-netrc ]; then
    # In memory alone; pip reads it by itself, so that no password is on a command line.
    (umask 077 && : >/dev/shm/envd-netrc)
    echo "$ENVD_PIP_LOGINS" | while read -r host user secret; do
      printf 'machine %s login %s password %s\n' "$host" "$user" "$(cat "/run/secrets/$secret")" >>/dev/shm/envd-netrc
    done
  fi
}
# envd_pip PYTHON ARGUMENT...: pip, with these logins.
envd_pip() {
  envd_pip_login
  envd_python=$1
  shift
  NETRC=/dev/shm/envd-netrc "$envd_python" -m pip --disable-pip-version-check --no-input "$@"
}
# envd_pip_finish HOME: what every step leaves behind in one form.
envd_pip_finish() {
  # Bytecode that is valid by the source's hash, not its time, so that clamped times and copies keep it valid.
  find "$1" -name __pycache__ -prune -exec rm -rf {} +
  SOURCE_DATE_EPOCH=315532800 "$1/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$1/lib" || true
  # Nothing in the image belongs to the user: a fixed group may write, whatever uid the caller has.
  chgrp -R 10000 "$1"
  chmod -R g+rwX "$1"
  find "$1" -type d -exec chmod g+s {} +
  envd_end
}
