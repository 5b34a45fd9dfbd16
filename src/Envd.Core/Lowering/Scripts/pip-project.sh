# Installs a project without its dependencies: $1 the virtual environment, $2 the project as it was sent, $3 where it lies while it is
# installed, $4 "editable" or empty, $5 its extras in brackets or empty; the rest: pip's options.
home=$1
source=$2
folder=$3
editable=$4
extras=$5
shift 5
# Only what is made here is removed again: an editable project's folder may be in the base already.
made=''
parent=$folder
while [ ! -e "$parent" ]; do
  made=$parent
  parent=${parent%/*}
  parent=${parent:-/}
done
mkdir -p "$folder"
cp -R "$source/." "$folder/"
envd_pip "$home/bin/python" install --no-compile --no-deps --root-user-action=ignore "$@" ${editable:+--editable} "$folder$extras"
if [ -n "$made" ]; then rm -rf "$made"; fi
# The record of where it lay while it was built says nothing to anybody.
if [ -z "$editable" ]; then find "$home" -name direct_url.json -newer /dev/shm/envd-stamp -delete; fi
envd_pip_finish "$home"
