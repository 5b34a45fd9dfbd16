# Makes the virtual environment and installs into it.
# $1 its folder, $2 an option of venv or empty, $3 "install" or empty, $4 how many logins follow, each a host, a user and a secret's id;
# the rest: pip's options, --, requirements.
home=$1
venv_option=$2
action=$3
logins=$4
shift 4
if [ "$logins" -gt 0 ]; then
  # In memory alone; pip reads it by itself, so that no password is on a command line.
  export NETRC=/dev/shm/envd-netrc
  (umask 077 && : >"$NETRC")
  while [ "$logins" -gt 0 ]; do
    printf 'machine %s login %s password %s\n' "$1" "$2" "$(cat "/run/secrets/$3")" >>"$NETRC"
    shift 3
    logins=$((logins - 1))
  done
fi
touch /dev/shm/envd-stamp
umask 022
# shellcheck disable=SC2086 # empty, or one option
python3 -m venv $venv_option "$home"
if [ -n "$action" ]; then
  "$home/bin/python" -m pip --disable-pip-version-check --no-input install --no-compile --root-user-action=ignore "$@"
fi
# Bytecode that is valid by the source's hash, not its time, so that clamped times and copies keep it valid.
find "$home" -name __pycache__ -prune -exec rm -rf {} +
SOURCE_DATE_EPOCH=315532800 "$home/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$home/lib" || true
# Nothing in the image belongs to the user: a fixed group may write, whatever uid the caller has.
chgrp -R 10000 "$home"
chmod -R g+rwX "$home"
find "$home" -type d -exec chmod g+s {} +
find / -xdev -newer /dev/shm/envd-stamp -print0 | xargs -0r touch -h -d @315532800
