# Makes the virtual environment and installs into it.
# $1 its folder, $2 the interpreter, $3 an option of venv or empty, $4 "install" or empty; the rest: pip's options, --, requirements.
home=$1
interpreter=$2
venv_option=$3
action=$4
shift 4
# shellcheck disable=SC2086 # empty, or one option
"$interpreter" -m venv $venv_option "$home"
# What pip-download has fetched is required as that very file, wherever else its name is known.
for folder in /dev/shm/envd/mapped/*; do
  for file in "$folder"/*; do
    if [ -e "$file" ]; then set -- "$@" "${folder##*/} @ file://$file"; fi
  done
done
if [ -n "$action" ]; then envd_pip "$home/bin/python" install --no-compile --root-user-action=ignore "$@"; fi
envd_pip_finish "$home"
