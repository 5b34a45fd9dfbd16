# Fetches packages that come from one index alone: $1 the interpreter, $2 the folder for them; the rest, by five: the option of pip that names
# the index, its address, a host that is trusted or empty, the name with extras, the requirement.
interpreter=$1
folder=$2
shift 2
"$interpreter" -m venv /dev/shm/envd-venv
while [ $# -gt 0 ]; do
  isolated=''
  if [ "$1" = --find-links ]; then isolated=--no-index; fi
  # shellcheck disable=SC2086 # empty, or one option
  envd_pip /dev/shm/envd-venv/bin/python download --quiet --no-deps --dest "$folder/$4" $isolated "$1" "$2" ${3:+--trusted-host "$3"} -- "$5"
  shift 5
done
rm -rf /dev/shm/envd-venv
envd_end
