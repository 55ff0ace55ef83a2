// Deploys the probe once for each role, calls it and removes it.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { build } from "esbuild"
import { run } from "../../local/run.ts"
import type { Site } from "../site.ts"
import type { Probed, ProbeEvent } from "./handler.ts"

/** The longest that a probe's calls take, several times over. */
const TIMEOUT_SECONDS = 60

/** Returns the zip of the probe. */
async function bundle({ folder, emulator }: Site): Promise<Uint8Array> {
  const [file, zip] = [join(folder, "probe", "index.js"), join(folder, "probe.zip")]
  await build({
    entryPoints: [join(import.meta.dirname, "handler.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    outfile: file,
    logLevel: "error",
  })
  await run(emulator.python, ["-m", "zipfile", "--create", zip, file])
  return readFile(zip)
}

/** Returns what each role is permitted to do, by the role's ARN. */
export async function probe(site: Site, roles: readonly string[], event: ProbeEvent): Promise<Map<string, Probed>> {
  const { lambda, logs } = site.aws
  const ZipFile = await bundle(site)
  const probed = new Map<string, Probed>()
  for (const [index, Role] of roles.entries()) {
    const FunctionName = `probe-${index}`
    await lambda.createFunction({
      FunctionName,
      Role,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Timeout: TIMEOUT_SECONDS,
      Code: { ZipFile },
    })
    try {
      const { Payload, FunctionError } = await lambda.invoke({ FunctionName, Payload: JSON.stringify(event) })
      const text = Buffer.from(Payload ?? []).toString()
      if (FunctionError !== undefined) throw new Error(`the probe with ${Role} failed: ${text}`)
      probed.set(Role, JSON.parse(text) as Probed)
    } finally {
      await lambda.deleteFunction({ FunctionName })
      await logs.deleteLogGroup({ logGroupName: `/aws/lambda/${FunctionName}` }).catch(() => undefined)
    }
  }
  return probed
}
