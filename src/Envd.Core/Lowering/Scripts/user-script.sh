# Runs a Script of the project: $1 is the file, the rest are its arguments.
file=$1
shift
IFS= read -r line <"$file" || true
case $line in
'#!'*)
  interpreter=${line#'#!'}
  # shellcheck disable=SC2086 # the line is words: an interpreter and at most a few options
  exec $interpreter "$file" "$@"
  ;;
esac
exec /bin/sh -eu "$file" "$@"
