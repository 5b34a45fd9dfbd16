# What the steps of apt share; prepended to their scripts.
envd_apt_begin() {
  export DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=315532800
  envd_begin
}
# A source that cannot be had is an error of its own, not a package that is missing later; what fails for a moment is tried again.
# Descriptions in other languages are for people who browse.
envd_apt_update() {
  for pause in 2 10 30 ''; do
    ! apt-get update -qq -o APT::Update::Error-Mode=any -o Acquire::Languages=none -o Acquire::Retries=5 || break
    [ "$pause" ] || return 100
    sleep "$pause"
  done
}
# Leaves nothing behind that a second run would make differently.
envd_apt_end() {
  # Keys and ids are made at the first start: an image that holds them gives them to every container.
  rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
  : >/etc/machine-id
  rm -rf /var/cache/ldconfig/aux-cache /var/cache/apt/*.bin
  find /var/log -type f -newer /dev/shm/envd-stamp -delete
  envd_end
}
# apt_install PACKAGE...: installs the newest that the sources have.
apt_install() {
  envd_apt_begin
  mkdir -p /dev/shm/envd/cache/apt/partial
  envd_apt_update
  apt-get install -y -qq --no-install-recommends -o Dir::Cache::Archives=/dev/shm/envd/cache/apt -o APT::Sandbox::User=root \
    -o Acquire::Retries=5 \
    -o Dpkg::Options::=--force-unsafe-io \
    -o Dpkg::Use-Pty=0 -- "$@"
  envd_apt_end
}
