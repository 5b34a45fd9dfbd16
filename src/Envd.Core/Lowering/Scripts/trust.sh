# Trusts certificates that lie in /usr/local/share/ca-certificates, whether or not the base has the command for it.
envd_begin
if command -v update-ca-certificates >/dev/null 2>&1; then
  update-ca-certificates >/dev/null
else
  # apt and pip read this file; ca-certificates, when it is installed later, makes it anew from the same folder.
  mkdir -p /etc/ssl/certs
  cat /usr/local/share/ca-certificates/envd-*.crt >>/etc/ssl/certs/ca-certificates.crt
fi
envd_end
