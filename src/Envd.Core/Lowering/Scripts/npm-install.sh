# Installs packages of npm, and npm itself: $1 npm's archive, $2 the folder; the rest: packages.
archive=$1
home=$2
shift 2
envd_begin
umask 022
mkdir -p /dev/shm/envd-npm
tar -x -z -f "$archive" -C /dev/shm/envd-npm --strip-components=1 --no-same-owner
npm_config_cache=/dev/shm/envd/cache/npm node /dev/shm/envd-npm/bin/npm-cli.js install --global --prefix "$home" --no-audit --no-fund --no-update-notifier --loglevel=warn -- "$archive" "$@"
rm -rf /dev/shm/envd-npm /dev/shm/envd/cache/npm/_logs /root/.node_repl_history
chgrp -R 10000 "$home"
chmod -R g+rwX "$home"
envd_end
