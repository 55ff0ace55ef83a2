import { LaunchFailure } from "../failure.ts"
import { SERVICE_NAMES, SERVICES, type ServiceName } from "./settings.ts"

/** Where a server of ours runs: in a container, or as a process of this machine. */
export const ENGINES = ["docker", "native"] as const
export type Engine = (typeof ENGINES)[number]

export type Choice = {
  /** Servers that are there already, by the URL that was given. */
  given: Partial<Record<ServiceName, string>>
  /** Servers to bring up. */
  own: ServiceName[]
  /** The choice asked for; if undefined, the machine's equipment decides. */
  engine: Engine | undefined
}

/**
 * Which servers are given and which are to be brought up, from the environment alone.
 * @throws LaunchFailure when a URL is not one, or CHAT_SERVICES is not docker, native or auto.
 */
export const chooseServices = (env: NodeJS.ProcessEnv): Choice => {
  const given: Choice["given"] = {}
  for (const name of SERVICE_NAMES) {
    const { urlVariable } = SERVICES[name]
    const url = env[urlVariable]
    if (!url) continue
    if (!URL.canParse(url))
      throw new LaunchFailure(`${urlVariable} is not a URL: correct it, or unset it to have a server brought up.`)
    given[name] = url
  }
  const asked = env.CHAT_SERVICES ?? "auto"
  const engine = ENGINES.find((candidate) => candidate === asked)
  if (!engine && asked !== "auto")
    throw new LaunchFailure(`CHAT_SERVICES=${asked} is unknown: give docker, native or auto.`)
  return { given, own: SERVICE_NAMES.filter((name) => !given[name]), engine }
}

/**
 * The engine to use when none was asked for. The one that holds the data of the last run stays, so that a Docker engine
 * that comes or goes does not make the data seem lost.
 */
export const chooseEngine = (asked: Engine | undefined, last: Engine | undefined, dockerAnswers: boolean): Engine => {
  if (asked) return asked
  if (!dockerAnswers) return "native"
  return last ?? "docker"
}
