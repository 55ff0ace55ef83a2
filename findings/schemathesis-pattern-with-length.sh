#!/usr/bin/env bash
# Schemathesis 4.32.0 joins a schema's `pattern` and its lengths into one pattern before it generates, and by that says
# something narrower: `^\s*\S`, a text with something beside white space, of at most 255 characters, becomes one of white
# space and a single other character. So it never sends an ordinary text for such a schema, though JSON Schema's patterns
# are not anchored at their end.
# Seen on 2026-11-28:
#   ^\s*\S, 1 to 255: ^\s{0,254}\S$
#   "ab" fits the schema: True, the joined pattern: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.0 jsonschema==4.25.1
"$folder/venv/bin/python" - <<'PY' | tee "$folder/seen"
import re

import jsonschema
from schemathesis.core.jsonschema.patterns import update_quantifier

schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^\s*\S"}
joined = update_quantifier(schema["pattern"], schema["minLength"], schema["maxLength"])
print(f"{schema['pattern']}, 1 to 255: {joined}")
fits = jsonschema.Draft202012Validator(schema).is_valid("ab")
print(f'"ab" fits the schema: {fits}, the joined pattern: {bool(re.search(joined, "ab"))}')
PY
diff "$folder/seen" - <<'SEEN'
^\s*\S, 1 to 255: ^\s{0,254}\S$
"ab" fits the schema: True, the joined pattern: False
SEEN
