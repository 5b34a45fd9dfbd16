# Has uv install an interpreter: $1 uv, $2 the version, $3 the folder for it.
uv=$1
envd_begin
umask 022
UV_PYTHON_INSTALL_DIR=$3/versions UV_CACHE_DIR=/dev/shm/envd/cache/uv UV_PYTHON_PREFERENCE=only-managed "$uv" python install --no-bin "$2"
mkdir -p "$3/bin"
for python in "$3"/versions/*/bin/python3; do ln -sf "$python" "$3/bin/python3"; done
envd_end
