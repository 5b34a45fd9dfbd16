# Resolves Python requirements. $1 the interpreter, $2 an option of venv or empty, $3 lock.py, $4 what is wanted as JSON, $5 the folder for the answer.
# shellcheck disable=SC2086 # empty, or one option
"$1" -m venv $2 /dev/shm/envd-venv
envd_pip_login
NETRC=/dev/shm/envd-netrc /dev/shm/envd-venv/bin/python -c "$3" "$4" "$5"
