# Runs the text of a Step: $1. A text that begins with #! is run by that interpreter.
case $1 in
'#!'*)
  file=/dev/shm/envd-run
  printf '%s\n' "$1" >"$file"
  chmod 0755 "$file"
  # /dev/shm is mounted noexec, so the kernel cannot read the first line for us.
  IFS= read -r line <"$file"
  interpreter=${line#'#!'}
  # shellcheck disable=SC2086 # the line is words: an interpreter and at most a few options
  exec $interpreter "$file"
  ;;
esac
if [ -x /bin/bash ]; then exec /bin/bash -eu -o pipefail -c "$1" bash; fi
exec /bin/sh -eu -c "$1" sh
