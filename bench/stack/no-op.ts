// A function in the API's process that does nothing, for comparison with all others.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Asked } from "./load.ts"

export const NO_OP_PATH = "/no-op"
/** The request to it, as large as a small creation. */
export const NO_OP: Asked = { path: NO_OP_PATH, method: "POST", body: JSON.stringify({ body: "nothing" }) }

const HEADERS = JSON.stringify({ "content-type": "application/json" })
const HANDLER = `export const handler = async () => ({ statusCode: 201, headers: ${HEADERS}, body: "{}" })\n`
const FUNCTION = `functions:\n  no-op: { handler: functions/no-op.handler, events: [httpApi: POST ${NO_OP_PATH}, httpApi: GET ${NO_OP_PATH}] }\n`

/** Adds the function to the copy of the project in `folder`. */
export async function addNoOp(folder: string): Promise<void> {
  const definition = join(folder, "serverless.yml")
  const text = await readFile(definition, "utf8")
  await writeFile(definition, text.replace("\nfunctions:\n", `\n${FUNCTION}`))
  await writeFile(join(folder, "functions", "no-op.ts"), HANDLER)
}
