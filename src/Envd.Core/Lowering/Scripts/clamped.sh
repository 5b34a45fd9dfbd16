# Runs a command, which is the arguments, and gives what it leaves behind one time: of a project that is locked.
touch /dev/shm/envd-stamp
# The engine has made the working directory, if it was not there, just before.
folder=$PWD
while [ "$folder" != / ]; do
  touch -h -d @315532800 "$folder" 2>/dev/null || true
  folder=$(dirname "$folder")
done
status=0
"$@" || status=$?
# A step of another user's can do so for what is that user's.
find / -xdev -newer /dev/shm/envd-stamp -print0 2>/dev/null | xargs -0r touch -h -d @315532800 2>/dev/null || true
exit $status
