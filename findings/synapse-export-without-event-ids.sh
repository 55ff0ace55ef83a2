#!/usr/bin/env bash
# Synapse 1.163.2: the admin command `export-data` writes the events of a room into a file `events` with nothing between
# them, so that it is neither JSON nor JSON Lines; and in rooms of version 3 and above (all rooms made since 2019) an event
# is written without its id. Edits, replies, threads and reactions name the event that they are of by its id, so that in
# the export none of them can be matched as it stands. One expects an export to hold together.
# The id can be computed: it is the hash of what a redaction leaves of the event (the specification's reference hash).
# chat-import does so (client/programs/import/formats/matrix-synapse.ts).
# Here, Synapse's own writer gets a message and its edit, in a room of version 1 and of version 11.
# Seen on 2026-11-29:
#   version 1: 2 events, with nothing between them: True; their ids are there: True; the edited id is there: True
#   version 11: 2 events, with nothing between them: True; their ids are there: False; the edited id is there: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q matrix-synapse==1.163.2
cat >export.py <<'PY'
import json, os
from types import SimpleNamespace
from signedjson.key import generate_signing_key
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.app.admin_cmd import FileExfiltrationWriter
from synapse.crypto.event_signing import add_hashes_and_signatures
from synapse.events import make_event_from_dict

key = generate_signing_key("a")
ROOM, ANN = "!room:example.org", "@ann:example.org"

def event(version, name, content):
    known = KNOWN_ROOM_VERSIONS[version]
    fields = {"type": "m.room.message", "room_id": ROOM, "sender": ANN, "origin_server_ts": 1700000000000, "depth": 2,
              "prev_events": [], "auth_events": [], "content": {"msgtype": "m.text", **content}}
    if version == "1":
        fields["event_id"] = f"${name}:example.org"
    add_hashes_and_signatures(known, fields, "example.org", key)
    return make_event_from_dict(fields, known)

for version in ["1", "11"]:
    first = event(version, "first", {"body": "Helo"})
    relates = {"rel_type": "m.replace", "event_id": first.event_id}
    edit = event(version, "edit", {"body": "* Hello", "m.new_content": {"body": "Hello"}, "m.relates_to": relates})
    writer = FileExfiltrationWriter(ANN, directory=f"out-{version}")
    writer.write_events(ROOM, [SimpleNamespace(event=each) for each in (first, edit)])
    text = open(os.path.join(f"out-{version}", "rooms", ROOM, "events")).read()
    one, end = json.JSONDecoder().raw_decode(text)
    two, last = json.JSONDecoder().raw_decode(text[end:])
    named = two["content"]["m.relates_to"]["event_id"]
    print(f"version {version}: 2 events, with nothing between them: {text[end] == '{' and end + last == len(text)}; "
          f"their ids are there: {'event_id' in one and 'event_id' in two}; the edited id is there: {one.get('event_id') == named}")
PY
venv/bin/python export.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
version 1: 2 events, with nothing between them: True; their ids are there: True; the edited id is there: True
version 11: 2 events, with nothing between them: True; their ids are there: False; the edited id is there: False
SEEN
