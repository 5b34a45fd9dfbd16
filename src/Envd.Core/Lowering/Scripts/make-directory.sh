# Makes a folder with a mode that an engine's umask would cut: $1 the folder, $2 its mode, $3 its owner or empty.
envd_begin
mkdir -p "$1"
chmod "$2" "$1"
if [ -n "$3" ]; then chown "$3" "$1"; fi
envd_end
