#!/bin/sh
# PID 1 of an environment, until the supervisor takes over. What is given at the start (uid, keys, tokens) is bound here; the image holds
# none of it. Reads /var/lib/envd/start, which `envd up` fills before the container runs.
set -eu
umask 022
start=/var/lib/envd/start
{ read -r user; read -r work; read -r shell; } </usr/lib/envd/account
uid=$(cat "$start/uid" 2>/dev/null || echo 1000)
gid=$(cat "$start/gid" 2>/dev/null || echo 1000)
home=/home/$user

# The account is added, never changed by usermod, which would copy every file of a home into the container's layer. It comes first, since
# bases have users of their own (Ubuntu's has uid 1000) and the first entry of a uid names it; root stays root.
grep -q '^envd-env:' /etc/group || echo 'envd-env:x:10000:' >>/etc/group
if ! grep -q "^$user:" /etc/passwd; then
  if ! cut -d: -f3 /etc/group | grep -qx "$gid"; then echo "$user:x:$gid:" >>/etc/group; fi
  entry="$user:x:$uid:$gid::$home:$shell"
  if [ "$uid" = 0 ]; then
    echo "$entry" >>/etc/passwd
  else
    { echo "$entry"; cat /etc/passwd; } >/etc/passwd.envd
    cat /etc/passwd.envd >/etc/passwd
    rm /etc/passwd.envd
  fi
  echo "$user:*:19000:0:99999:7:::" >>/etc/shadow
fi
if ! grep -q "^envd-env:.*[:,]$user\$" /etc/group; then sed -i "s/^envd-env:x:10000:.*/envd-env:x:10000:$user/" /etc/group; fi

mkdir -p "$home"
chown "$uid:$gid" "$home"
chmod 0755 "$home"
if [ ! -e "$home/.profile" ] && [ -d /etc/skel ]; then
  for file in /etc/skel/.[!.]*; do
    if [ -f "$file" ]; then cp "$file" "$home/" && chown "$uid:$gid" "$home/${file##*/}"; fi
  done
fi
# Extensions of the image, for the servers that editors bring and for our own.
for extension in /usr/lib/envd/vscode/*; do
  [ -d "$extension" ] || continue
  for server in .vscode-server .openvscode-server; do
    mkdir -p "$home/$server/extensions"
    chown "$uid:$gid" "$home/$server" "$home/$server/extensions"
    ln -sfn "$extension" "$home/$server/extensions/${extension##*/}"
  done
done
if [ ! -d "$work" ]; then mkdir -p "$work" && chown "$uid:$gid" "$work"; fi

mkdir -p /run/envd/services /run/envd/tokens /run/sshd /var/log/envd /var/lib/envd/ssh
chmod 0711 /run/envd/tokens
if [ -d "$start/tokens" ]; then
  for file in "$start/tokens"/*; do
    if [ -f "$file" ]; then install -m 0400 -o "$uid" -g "$gid" "$file" "/run/envd/tokens/${file##*/}"; fi
  done
fi
if [ -d "$start/secrets" ]; then
  mkdir -p /run/secrets
  chmod 0711 /run/secrets
  for file in "$start/secrets"/*; do
    if [ -f "$file" ]; then install -m 0400 -o "$uid" -g "$gid" "$file" "/run/secrets/${file##*/}"; fi
  done
fi
if [ -f "$start/gitconfig" ] && [ ! -e /etc/gitconfig ]; then cp "$start/gitconfig" /etc/gitconfig; fi
if [ -s /etc/machine-id ]; then :; else tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id; fi
if command -v ssh-keygen >/dev/null 2>&1 && [ ! -f /var/lib/envd/ssh/host_key ]; then
  ssh-keygen -q -t ed25519 -N '' -C envd -f /var/lib/envd/ssh/host_key
fi
cp -R /usr/lib/envd/services/. /run/envd/services/
umask 002
exec s6-svscan /run/envd/services
