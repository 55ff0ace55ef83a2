import { existsSync } from "node:fs"
import { join } from "node:path"
import { type Config, readConfig } from "../lib/config.ts"
import { loadCredentials } from "./credentials.ts"
import { ROOT, stackFolder } from "./services/settings.ts"
import { servicesFile } from "./services/start.ts"

/** Sets the variables that are not set yet: from `.env`, then from the services that `npm start` has started. */
export function loadEnvironment(): void {
  for (const file of [join(ROOT, ".env"), servicesFile(stackFolder("start"))]) {
    if (existsSync(file)) process.loadEnvFile(file)
  }
}

/** What CloudFormation accepts in the name of a stack. */
const STAGE_PATTERN = /^[a-zA-Z0-9-]{1,100}$/

export const isStageName = (name: string): boolean => STAGE_PATTERN.test(name)

/**
 * Returns the configuration for a command: that of a deployed stage, or without one that of the environment. On AWS it
 * also finds the operator's credentials. Throws an Error that says in one line what is missing.
 */
export async function configFor(stage: string | undefined): Promise<Config> {
  // The image has no client of Secrets Manager, and other commands need not load one.
  if (stage === undefined) loadEnvironment()
  const config = stage === undefined ? readConfig(process.env) : await (await import("./stage.ts")).readStage(stage)
  await loadCredentials(config)
  return config
}
