#!/bin/sh
# Makes .env of .env.example, with a random secret in every line that has no value. Leaves a .env that is there alone.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo '.env is there already: nothing was changed' >&2
  exit 1
fi
umask 077
while IFS= read -r line; do
  case $line in
    [A-Z]*=) printf '%s%s\n' "$line" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <.env.example >.env
echo 'Wrote .env. Next: docker compose up --build --detach --wait'
