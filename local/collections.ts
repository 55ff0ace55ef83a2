// npm run collections: writes docs/chat.postman_collection.json and docs/chat.http, the API as other tools send it.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { httpFile } from "./collections/http-file.ts"
import { postmanCollection } from "./collections/postman.ts"
import { ROOT } from "./services/settings.ts"

const write = (name: string, text: string) => writeFileSync(join(ROOT, "docs", name), text)
write("chat.postman_collection.json", `${JSON.stringify(postmanCollection(), null, 2)}\n`)
write("chat.http", httpFile())
