# Installs RStudio Server from its package: $1.
apt_install "$1"
