# Installs packages that are built with what is installed already: $1 the virtual environment; the rest: pip's options, --, requirements.
home=$1
shift
envd_pip "$home/bin/python" install --no-compile --root-user-action=ignore --no-build-isolation "$@"
envd_pip_finish "$home"
