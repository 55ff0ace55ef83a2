// Runs serverless as an operator does, without network, credentials or a region.
import { join } from "node:path"
import { ROOT } from "../../local/services/settings.ts"
import { type Ran, runNode } from "./child.ts"

/** Returns an environment without our variables, credentials or a region. */
export const bareEnvironment = (home: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: home,
  AWS_EC2_METADATA_DISABLED: "true",
  SLS_NOTIFICATIONS_MODE: "off",
  SLS_TELEMETRY_DISABLED: "1",
})

export const runServerless = (folder: string, args: string[], env: NodeJS.ProcessEnv, limitMs: number): Promise<Ran> =>
  runNode([join(ROOT, "node_modules", ".bin", "serverless"), ...args], { cwd: folder, env, limitMs })
