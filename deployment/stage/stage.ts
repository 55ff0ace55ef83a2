// One stage: its secret, its copy of the project, and what serverless and the operator's commands do with them.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { run } from "../../local/run.ts"
import { ROOT } from "../../local/services/settings.ts"
import { copyProject } from "../../test/steps/project-copy.ts"
import { type Aws, operatorEnvironment } from "../emulator/clients.ts"
import type { Emulator } from "../emulator/ministack.ts"
import { createStageStores, type Servers, type StageSecret } from "./stage-stores.ts"

/** Bundling takes half a minute on two cores, several times that on a busy machine. */
const SERVERLESS_LIMIT_MS = 300_000
/** A command of the operator takes a second or two, several times that on a busy machine. */
const COMMAND_LIMIT_MS = 120_000

export type Stage = {
  name: string
  /** The project's files; the zips of the last deployment are in its folder .serverless. */
  folder: string
  /** The entries of the secret as they are now. */
  secret(): StageSecret
  /** Replaces entries of the secret, as an operator rotates them. */
  changeSecret(changes: Partial<StageSecret>): Promise<void>
  /** Runs `serverless <command> --stage <name>` and returns what it printed. */
  serverless(command: string): Promise<string>
  /** Runs `npm run ops -- --stage <name>` with these arguments, and returns what it printed on standard output. */
  operate(...args: string[]): Promise<string>
}

export type StageOptions = {
  aws: Aws
  emulator: Emulator
  servers: Servers
  /** Holds the run's files. */
  folder: string
  /** The number of its database in Redis. */
  redisDatabase: number
  signal: AbortSignal
}

/** Adds the plugin by which the emulator can read the template to a copy of the project. */
async function stayWithinLimits(folder: string): Promise<void> {
  const [plugin, config] = ["within-limits.ts", join(folder, "serverless.yml")]
  await cp(join(import.meta.dirname, "..", "emulator", plugin), join(folder, plugin))
  const text = await readFile(config, "utf8")
  await writeFile(config, text.replace(/^plugins:\n/m, `plugins:\n  - ./${plugin}\n`))
}

/** Returns the folder of the copies of the project, each of which a stage is deployed from. */
export const stagesFolder = (folder: string): string => join(folder, "stages")

export const secretName = (stage: string): string => `/chat/${stage}/stores`

/**
 * Prepares a stage for its deployment: the stores and the secret, which the operator makes, and a copy of the project,
 * since serverless empties its build folder.
 */
export async function prepareStage(name: string, options: StageOptions): Promise<Stage> {
  const { aws, emulator, servers, redisDatabase, signal } = options
  const parent = stagesFolder(options.folder)
  let secret = await createStageStores(servers, name, redisDatabase)
  await aws.secrets.createSecret({ Name: secretName(name), SecretString: JSON.stringify(secret) })
  const { folder } = await copyProject({ parent })
  await stayWithinLimits(folder)
  const home = join(parent, "home")
  await mkdir(home, { recursive: true })
  // A folder without .aws, so that no profile of the caller is used.
  const env = {
    ...operatorEnvironment(emulator),
    HOME: home,
    SLS_NOTIFICATIONS_MODE: "off",
    SLS_TELEMETRY_DISABLED: "1",
  }
  const logFile = join(options.folder, "logs", `${name}.log`)

  return {
    name,
    folder,
    secret: () => secret,
    async changeSecret(changes) {
      secret = { ...secret, ...changes }
      await aws.secrets.putSecretValue({ SecretId: secretName(name), SecretString: JSON.stringify(secret) })
    },
    async serverless(command) {
      // It prints what it does on standard error.
      const lines: string[] = []
      const program = join(ROOT, "node_modules", ".bin", "serverless")
      await run(process.execPath, [program, command, "--stage", name], {
        cwd: folder,
        env,
        logFile,
        signal,
        timeoutMs: SERVERLESS_LIMIT_MS,
        onErrorLine: (line) => lines.push(line),
      })
      return lines.join("\n")
    },
    operate: (...args) =>
      run(process.execPath, [join("local", "ops.ts"), ...args, "--stage", name], {
        cwd: folder,
        env: operatorEnvironment(emulator),
        logFile,
        signal,
        timeoutMs: COMMAND_LIMIT_MS,
      }),
  }
}
