# Has rustup install a toolchain: $1 rustup-init, $2 its publisher's checksums or empty, $3 the folder, $4 the toolchain.
envd_begin
umask 022
if [ -n "$2" ]; then
  want=$(cut -d' ' -f1 "$2")
  have=$(sha256sum "$1")
  if [ "${have%% *}" != "$want" ]; then
    echo "envd: rustup-init does not have the checksum that its publisher states: ${have%% *} instead of ${want:-one}" >&2
    exit 94
  fi
fi
# /dev/shm may be mounted noexec, and what was downloaded is not executable.
mkdir -p "$3"
cp "$1" "$3/rustup-init"
chmod 0755 "$3/rustup-init"
RUSTUP_HOME=$3/rustup CARGO_HOME=$3/cargo "$3/rustup-init" -y -q --no-modify-path --profile minimal --default-toolchain "$4"
rm -rf "$3/rustup-init" "$3/rustup/tmp" "$3/rustup/downloads"
chgrp -R 10000 "$3"
chmod -R g+rwX "$3"
envd_end
