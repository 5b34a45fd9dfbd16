# Runs a command, which is the arguments, and gives what it leaves behind one time: of a project that is locked.
envd_begin
# The engine has made the working directory, if it was not there, just before.
folder=$PWD
while [ "$folder" != / ]; do
  touch -h -d @315532800 "$folder" 2>/dev/null || true
  folder=$(dirname "$folder")
done
status=0
"$@" || status=$?
# A step of another user's can do so for what is that user's.
envd_end 2>/dev/null || true
exit $status
