#!/usr/bin/env bash
# whatsapp-chat-parser 4.0.2 (npm) and whatstk 0.9.1 (PyPI) read exported chats of WhatsApp, whose dates and times have the
# form of the phone's language. Where they do not know it, they give another time without a word:
# - A year that comes first is followed by day and month for them: 2024/3/10, as phones in Chinese, Japanese and Korean
#   write 10 March, is 3 October. No language writes that order.
# - Of the words for morning and afternoon they know am and pm. With others, 3:15 in the afternoon is 3:15 at night. In
#   Spanish, whatstk does so even with "p. m.", since phones write a U+202F before it and a U+00A0 within it.
# - Where such a word follows the time, whatsapp-chat-parser takes it for a part of the author's name.
# - A line whose digits are Arabic is no message to whatsapp-chat-parser: the chat is empty.
# This API's chat-import has a reader of its own therefore (client/programs/import/formats/whatsapp.ts).
# Seen on 2026-11-29:
#   2024/3/10 15:15 - Ann: hi (Japanese, 10 March)
#     whatsapp-chat-parser: 2024-10-03 15:15 Ann
#     whatstk: 2024-10-03 15:15 Ann
#   [2024/3/10 下午3:15:00] Ann: hi (Chinese, afternoon)
#     whatsapp-chat-parser: 2024-10-03 03:15 Ann
#     whatstk: 2024-10-03 03:15 Ann
#   25.03.24, 3:15 nachm. - Ann: hi (German, afternoon)
#     whatsapp-chat-parser: 2024-03-25 03:15 nachm. - Ann
#     whatstk: 2024-03-25 03:15 Ann
#   25/3/24, 3:15 p. m. - Ann: hi (Spanish, afternoon)
#     whatsapp-chat-parser: 2024-03-25 15:15 Ann
#     whatstk: 2024-03-25 03:15 Ann
#   ٢٥/٣/٢٠٢٤، ٣:١٥ م - Ann: hi (Arabic, afternoon)
#     whatsapp-chat-parser: no message
#     whatstk: 2024-03-25 03:15 Ann
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error whatsapp-chat-parser@4.0.2 >/dev/null
python3 -m venv venv
venv/bin/pip install -q whatstk==0.9.1
python3 - <<'PY'
import json
lines = [
    ("2024/3/10 15:15 - Ann: hi", "Japanese, 10 March"),
    ("[2024/3/10 下午3:15:00] Ann: hi", "Chinese, afternoon"),
    ("25.03.24, 3:15 nachm. - Ann: hi", "German, afternoon"),
    ("25/3/24, 3:15\u202fp.\u00a0m. - Ann: hi", "Spanish, afternoon"),
    ("٢٥/٣/٢٠٢٤، ٣:١٥ م - Ann: hi", "Arabic, afternoon"),
]
json.dump(lines, open("lines.json", "w"))
PY
cat >npm.mjs <<'JS'
import { readFileSync } from "node:fs"
import { parseString } from "whatsapp-chat-parser"
const pad = (number) => String(number).padStart(2, "0")
for (const [line] of JSON.parse(readFileSync("lines.json", "utf8"))) {
  const [message] = parseString(`${line}\n${line}\n`)
  const { date, author } = message ?? {}
  const day = message && `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  console.log(message ? `${day} ${pad(date.getHours())}:${pad(date.getMinutes())} ${author}` : "no message")
}
JS
cat >pypi.py <<'PY'
import json, warnings
from whatstk import df_from_whatsapp
warnings.filterwarnings("ignore")
for line, _ in json.load(open("lines.json")):
    with open("chat.txt", "w", encoding="utf-8") as chat:
        chat.write(f"{line}\n{line}\n")
    message = df_from_whatsapp("chat.txt").iloc[0]
    print(f"{message['date']:%Y-%m-%d %H:%M} {message['username']}")
PY
node npm.mjs >npm.out
venv/bin/python pypi.py >pypi.out 2>/dev/null
python3 - <<'PY' | tee seen
import json
for (line, what), npm, pypi in zip(json.load(open("lines.json")), open("npm.out"), open("pypi.out")):
    plain = line.replace("\u202f", " ").replace("\u00a0", " ")
    print(f"{plain} ({what})\n  whatsapp-chat-parser: {npm.strip()}\n  whatstk: {pypi.strip()}")
PY
diff seen - <<'SEEN'
2024/3/10 15:15 - Ann: hi (Japanese, 10 March)
  whatsapp-chat-parser: 2024-10-03 15:15 Ann
  whatstk: 2024-10-03 15:15 Ann
[2024/3/10 下午3:15:00] Ann: hi (Chinese, afternoon)
  whatsapp-chat-parser: 2024-10-03 03:15 Ann
  whatstk: 2024-10-03 03:15 Ann
25.03.24, 3:15 nachm. - Ann: hi (German, afternoon)
  whatsapp-chat-parser: 2024-03-25 03:15 nachm. - Ann
  whatstk: 2024-03-25 03:15 Ann
25/3/24, 3:15 p. m. - Ann: hi (Spanish, afternoon)
  whatsapp-chat-parser: 2024-03-25 15:15 Ann
  whatstk: 2024-03-25 03:15 Ann
٢٥/٣/٢٠٢٤، ٣:١٥ م - Ann: hi (Arabic, afternoon)
  whatsapp-chat-parser: no message
  whatstk: 2024-03-25 03:15 Ann
SEEN
