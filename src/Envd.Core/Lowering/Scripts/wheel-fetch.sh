# Fetches wheels that only pip can reach (a login, an authority of the project's own, no verification), each by its address and SHA-256 of the lock.
# $1 the interpreter, $2 the folder for them, the rest: pip's options, --, requirements.
interpreter=$1
folder=$2
shift 2
"$interpreter" -m venv /dev/shm/envd-venv
envd_pip /dev/shm/envd-venv/bin/python download --quiet --no-deps --dest "$folder" "$@"
envd_end
