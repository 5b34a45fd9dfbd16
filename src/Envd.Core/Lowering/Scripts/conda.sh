# Makes an environment of conda: $1 micromamba or pixi, $2 the folder of the environment, $3 a file that declares it or empty, $4 how many
# channels follow; the rest: what is installed.
manager=$1
home=$2
file=$3
channels=$4
shift 4
envd_begin
umask 022
names=''
while [ "$channels" -gt 0 ]; do
  names="$names --channel $1"
  shift
  channels=$((channels - 1))
done
case $manager in
  */pixi)
    project=${home%/.pixi/*}
    export PIXI_CACHE_DIR=/dev/shm/envd/cache/pixi
    mkdir -p "$project"
    cd "$project"
    # shellcheck disable=SC2086 # options, from names that have no spaces
    if [ -n "$file" ]; then cp "$file" pixi.toml; else "$manager" init --quiet $names .; fi
    if [ $# -gt 0 ]; then "$manager" add --quiet -- "$@"; else "$manager" install --quiet; fi
    ;;
  *)
    # Nothing is linked to a cache that is gone after the step.
    export MAMBA_ROOT_PREFIX=/dev/shm/envd/cache/conda CONDA_PKGS_DIRS=/dev/shm/envd/cache/conda/pkgs MAMBA_ALWAYS_COPY=true
    # shellcheck disable=SC2086 # as above
    "$manager" create --yes --quiet --no-rc --prefix "$home" $names ${file:+--file "$file"} "$@"
    ;;
esac
if [ -x "$home/bin/python" ]; then
  find "$home" -name __pycache__ -prune -exec rm -rf {} +
  SOURCE_DATE_EPOCH=315532800 "$home/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$home/lib" || true
fi
chgrp -R 10000 "$home"
chmod -R g+rwX "$home"
envd_end
