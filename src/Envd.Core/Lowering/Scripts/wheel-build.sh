# Builds a wheel from a source that the lock names: $1 the interpreter, $2 the folder for it, the rest: pip's options, --, one requirement.
interpreter=$1
folder=$2
shift 2
export SOURCE_DATE_EPOCH=315532800
"$interpreter" -m venv /dev/shm/envd-venv
envd_pip /dev/shm/envd-venv/bin/python wheel --quiet --no-deps --wheel-dir "$folder" "$@"
envd_end
