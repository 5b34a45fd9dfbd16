# Points the base's own sources of apt at a mirror: $1.
mirror=$1
command -v apt-get >/dev/null 2>&1 || exit 0
envd_begin
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -f "$file" ] || continue
  awk -v mirror="$mirror" '
    # The archives that Debian and Ubuntu publish; security lies beside the rest under a name of its own.
    function moved(url) {
      if (url ~ /\/debian-security\/?$/) return mirror "-security"
      if (url ~ /\/(debian|ubuntu|ubuntu-ports)\/?$/) return mirror
      return url
    }
    /^ *#/ { print; next }
    { line = ""; n = split($0, word, " "); for (i = 1; i <= n; i++) line = line (i > 1 ? " " : "") (word[i] ~ /^https?:/ ? moved(word[i]) : word[i]); print line }
  ' "$file" >/dev/shm/envd-sources
  cat /dev/shm/envd-sources >"$file"
done
envd_end
