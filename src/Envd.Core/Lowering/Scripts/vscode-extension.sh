# Unpacks an extension of Visual Studio Code: $1 its file, $2 the folder.
envd_begin
umask 022
mkdir -p "$2"
unzip -q "$1" 'extension/*' -d "$2.unpacked"
cp -R "$2.unpacked/extension/." "$2/"
rm -rf "$2.unpacked"
envd_end
