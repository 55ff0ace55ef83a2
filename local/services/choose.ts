import { LaunchFailure } from "../failure.ts"
import { SERVICE_NAMES, SERVICES, type ServiceName } from "./settings.ts"

/** How the services run: as containers, or as processes of this machine. */
export const ENGINES = ["docker", "native"] as const
export type Engine = (typeof ENGINES)[number]

export type Choice = {
  /** The URLs of servers that exist already. */
  given: Partial<Record<ServiceName, string>>
  /** Servers to start. */
  own: ServiceName[]
  /** The engine asked for; undefined to use what the machine has. */
  engine: Engine | undefined
}

/**
 * Returns which servers exist already and which are to be started, from the environment alone.
 * @throws LaunchFailure when a URL is invalid, or CHAT_SERVICES is not docker, native or auto.
 */
export const chooseServices = (env: NodeJS.ProcessEnv): Choice => {
  const given: Choice["given"] = {}
  for (const name of SERVICE_NAMES) {
    const { urlVariable } = SERVICES[name]
    const url = env[urlVariable]
    if (!url) continue
    if (!URL.canParse(url))
      throw new LaunchFailure(`${urlVariable} is not a URL: correct it, or unset it to have a server started.`)
    given[name] = url
  }
  const asked = env.CHAT_SERVICES ?? "auto"
  const engine = ENGINES.find((candidate) => candidate === asked)
  if (!engine && asked !== "auto")
    throw new LaunchFailure(`CHAT_SERVICES=${asked} is unknown: give docker, native or auto.`)
  return { given, own: SERVICE_NAMES.filter((name) => !given[name]), engine }
}

/**
 * Returns the engine to use. Unless one is asked for, it is the engine of the last run, which holds its data, so that
 * the data does not seem lost when Docker appears or disappears.
 */
export const chooseEngine = (asked: Engine | undefined, last: Engine | undefined, dockerAnswers: boolean): Engine => {
  if (asked) return asked
  if (!dockerAnswers) return "native"
  return last ?? "docker"
}
