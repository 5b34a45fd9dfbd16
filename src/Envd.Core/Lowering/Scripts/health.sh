#!/bin/bash
# Is a service there? $1 http or tcp, $2 its port, $3 a path. Bash alone: an image need not have any other client.
exec 3<>"/dev/tcp/127.0.0.1/$2" || exit 1
if [ "$1" = tcp ]; then exit 0; fi
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$3" >&3
read -r -t 5 -u 3 _ status _
case $status in
  [1-4]??) exit 0 ;;
  *) exit 1 ;;
esac
