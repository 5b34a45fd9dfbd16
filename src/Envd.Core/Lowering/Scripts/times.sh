# What a step leaves behind gets one time, so that it is the same whenever it runs; prepended to the scripts that call these.
envd_begin() {
  # Before a command starts the engine makes what it mounts upon, and these folders have the time of that.
  touch -d "@$(($(date +%s) - 3600))" /dev/shm/envd-hour
  for folder in /etc /run /run/secrets; do
    [ ! "$folder" -nt /dev/shm/envd-hour ] || touch -h -d @315532800 "$folder" 2>/dev/null || true
  done
  touch /dev/shm/envd-stamp
  # File systems keep time in ticks: what changes within this one would not be newer.
  sleep 0.02
}
envd_end() {
  find / -xdev -newer /dev/shm/envd-stamp -print0 | xargs -0r touch -h -d @315532800
}
