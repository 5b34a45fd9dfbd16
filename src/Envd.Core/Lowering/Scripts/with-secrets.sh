# Runs a command with secrets in variables: $1 how many, then pairs of a variable and a secret's id, then the command.
count=$1
shift
while [ "$count" -gt 0 ]; do
  value=$(cat "/run/secrets/$2")
  export "$1=$value"
  shift 2
  count=$((count - 1))
done
exec "$@"
