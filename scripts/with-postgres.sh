#!/usr/bin/env bash
# Runs a command with TEST_DATABASE_URL naming a throwaway PostgreSQL server, which is gone when the command ends:
#   scripts/with-postgres.sh npm run test:postgres
set -euo pipefail

if [ $# -eq 0 ]; then
  echo 'usage: scripts/with-postgres.sh COMMAND [ARGUMENT…]' >&2
  exit 2
fi

programs=''
for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
  if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then programs=$folder && break; fi
done
if [ -z "$programs" ]; then
  echo "No PostgreSQL server programs (initdb, pg_ctl) on this machine. Debian has them: apt-get install postgresql" >&2
  exit 1
fi

cluster=$(mktemp -d /tmp/credentials-gateway-postgres.XXXXXX) # where its owner, too, may go
as_owner=()
if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
  owner=postgres
  id "$owner" >/dev/null 2>&1 || owner=nobody
  chown "$owner" "$cluster"
  as_owner=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups)
fi
server() { (cd "$cluster" && env HOME="$cluster" "${as_owner[@]}" "$programs/$1" "${@:2}"); }
stop() {
  server pg_ctl stop --pgdata="$cluster/data" --mode=immediate >/dev/null 2>&1 || true
  rm -rf "$cluster"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Nothing here outlives the command, so nothing is made durable.
server initdb --pgdata="$cluster/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$cluster/log" 2>&1 ||
  { cat "$cluster/log" >&2; exit 1; }
port=''
for _ in 1 2 3 4 5; do # a free port may be taken before the server has it: then the next one
  candidate=$((20000 + RANDOM % 12000))
  if server pg_ctl start --pgdata="$cluster/data" --wait --timeout=60 --log="$cluster/data/log" --options="-c listen_addresses=127.0.0.1 -p $candidate -c unix_socket_directories= -c max_connections=200 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >/dev/null 2>&1; then
    port=$candidate && break
  fi
done
if [ -z "$port" ]; then
  cat "$cluster/data/log" >&2
  exit 1
fi

TEST_DATABASE_URL="postgresql://postgres@127.0.0.1:$port/postgres" "$@"
