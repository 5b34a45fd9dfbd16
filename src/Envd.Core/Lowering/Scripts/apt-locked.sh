# Installs exactly the packages of a lock: $1 the names that are wanted, separated by spaces; their files and all that they need lie in /dev/shm/envd/debs.
command -v apt-get >/dev/null 2>&1 || {
  echo "envd: the base image has no apt-get; AptPackage and services need Debian or Ubuntu" >&2
  exit 93
}
envd_apt_begin
mkdir -p /dev/shm/envd-lists/partial
apt-get install -y -qq --no-install-recommends -o APT::Sandbox::User=root -o Dir::State::Lists=/dev/shm/envd-lists -o Dpkg::Options::=--force-unsafe-io \
  -o Dpkg::Use-Pty=0 -- /dev/shm/envd/debs/*.deb
# By path all are installed as if asked for.
for file in /dev/shm/envd/debs/*.deb; do dpkg-deb --field "$file" Package; done | while read -r package; do
  case " $1 " in *" $package "*) ;; *) echo "$package" ;; esac
done | xargs -r apt-mark auto -qq >/dev/null
envd_apt_end
