# Fetches packages that only apt can reach (an authority of the project's own): $1 the folder for them, the rest: address, file name and SHA-256 of each.
envd_apt_begin
folder=$1
shift
mkdir -p "$folder"
while [ $# -gt 0 ]; do
  for pause in 2 10 30 ''; do
    ! /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=5 -q download-file "$1" "$folder/$2" "SHA256:$3" || break
    [ "$pause" ] || exit 100
    sleep "$pause"
  done
  shift 3
done
envd_end
