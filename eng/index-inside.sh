#!/bin/sh
# The part of eng/index.sh that runs in a container of the base image: PACKAGES are Debian's names, /in is eng, /out the index.
set -eu
export DEBIAN_FRONTEND=noninteractive
mkdir -p /work && cd /work
apt-get update -qq -o Acquire::Retries=5
apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io python3 python3-packaging patchelf binutils >/dev/null
names=$(apt-get install -s -qq --no-install-recommends --reinstall $PACKAGES | awk '/^Inst/ {print $2}' | sort -u)
python=$(printf "%s\n" $names | grep -E "^(python3-|jupyterlab$)" | grep -vE "^python3-(minimal|dev|distutils|lib2to3|venv|pip|setuptools|pkg-resources|typeshed|coverage)$")
# The libraries of compiled parts; what only an interpreter of JavaScript needs is left where it is.
libraries=$(printf "%s\n" $names | grep -E "^(lib(blas|lapack|gfortran|quadmath|zmq|sodium|pgm|norm|bsd|md|krb5|k5crypto|gssapi|keyutils|com-err|krb5support|yaml|tinfo|ffi|xml2|protobuf)|libatlas|libopenblas)" || true)
[ -z "$libraries" ] || apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io $libraries >/dev/null
mkdir -p debs && cd debs && apt-get download -qq -o Acquire::Retries=5 $python && cd ..
python3 /in/repack-wheels.py debs /out
# Debian has this one as a wheel, for virtual environments: projects of one's own are built with it.
apt-get download -qq -o Acquire::Retries=5 python3-setuptools-whl
dpkg-deb -x python3-setuptools-whl_*.deb setuptools
cp setuptools/usr/share/python-wheels/setuptools-*.whl /out/
chown -R "$(stat -c %u:%g /out)" /out
