# Unpacks a tool: $1 its download, $2 its publisher's checksums or empty, $3 the folder for it, $4 how many leading folders to drop, $5 its
# program where it is one, or empty.
file=$1
sums=$2
target=$3
strip=$4
program=$5
envd_begin
if [ -n "$sums" ]; then
  # A sum by itself, or lines of sums and names.
  want=$(awk -v name="${file##*/}" 'NF == 1 { print $1; exit } { n = $2; sub(/^\*/, "", n); sub(/.*\//, "", n) } n == name { print $1; exit }' "$sums")
  case ${#want} in
    64) have=$(sha256sum "$file") ;;
    128) have=$(sha512sum "$file") ;;
    *) have=none ;;
  esac
  if [ "${have%% *}" != "$want" ]; then
    echo "envd: ${file##*/} does not have the checksum that its publisher states: ${have%% *} instead of ${want:-one}" >&2
    exit 94
  fi
fi
umask 022
mkdir -p "$target"
case $file in
  *.tar.gz | *.tgz)
    if [ -n "$program" ]; then
      mkdir "$target.unpacked" "$target/bin"
      tar -x -z -f "$file" -C "$target.unpacked" --no-same-owner
      find "$target.unpacked" -type f -name "$program" -exec cp {} "$target/bin/$program" \;
      rm -rf "$target.unpacked"
    else
      tar -x -z -f "$file" -C "$target" --no-same-owner --strip-components="$strip"
    fi
    ;;
  *) mkdir "$target/bin" && cp "$file" "$target/bin/$program" ;;
esac
if [ -n "$program" ]; then chmod 0755 "$target/bin/$program"; fi
envd_end
