import { DependencyAway } from "../errors.ts"
import type { Watch } from "./breaker.ts"
import { createCluster } from "./redis-cluster.ts"
import type { RedisNode } from "./redis-node.ts"

export type ScriptValue = string | number | null | ScriptValue[]
export type Argument = string | number

export type Script<Keys, Args, Reply> = {
  lua: string
  /** Puts the named keys and arguments into the order that the Lua expects. */
  keysOf(keys: Keys): string[]
  argsOf(args: Args): Argument[]
  decode(reply: ScriptValue[]): Reply
}

/** What a server says of itself: the fields of INFO, and of CONFIG GET those asked for that the server reveals. */
export type RedisDescription = { info: Map<string, string>; settings: Map<string, string> }

/** The outbox's client of Redis. Throws DependencyAway for every failure but an error that a script raised. */
export type RedisClient = {
  /** Runs a script where its keys are, in one round trip as a rule. Never repeats one that may have run. */
  run<Keys, Args, Reply>(script: Script<Keys, Args, Reply>, keys: NoInfer<Keys>, args: NoInfer<Args>): Promise<Reply>
  /** Returns whether the server that has a key's slot is connected. */
  reaches(key: string): boolean
  /**
   * Returns whether a key that was last used in the life `from` of a server came to the present one, in the life `to`,
   * without loss: see redis-cluster.ts.
   */
  hasMoved(key: string, from: string, to: string): Promise<boolean>
  /**
   * Returns the keys that match a pattern on the server that has `key`, each at least once: those that exist throughout.
   * `onPart` is awaited after each part. Throws DependencyAway, also if that server is not connected.
   */
  scan(key: string, pattern: string, onPart?: () => Promise<void>): Promise<Set<string>>
  /** Describes the servers that have keys and answer. Throws DependencyAway if none does. */
  describe(settings: string[]): Promise<RedisDescription[]>
  close(): Promise<void>
}

/** Keys per call: a millisecond or so of Redis' time. */
const SCAN_COUNT = 5_000

/** Connects to one Redis, or to all masters of the cluster of which the URL names one server. */
export function connectRedis(url: string, watch: Watch): RedisClient {
  const cluster = createCluster(url, watch)
  return {
    async run(script, keys, args) {
      return script.decode(await cluster.evaluate(script.lua, script.keysOf(keys), script.argsOf(args)))
    },
    reaches: (key) => cluster.nodeOf(key)?.isReady() ?? false,
    hasMoved: cluster.hasMoved,
    async scan(key, pattern, onPart) {
      const node = cluster.nodeOf(key)
      if (!node) throw new DependencyAway("redis", new Error("no server has the slot"))
      const found = new Set<string>()
      let cursor = "0"
      do {
        const reply = await node.call("SCAN", cursor, "MATCH", pattern, "COUNT", `${SCAN_COUNT}`)
        const [next, keys] = reply as [string, string[]]
        for (const one of keys) found.add(one)
        cursor = next
        await onPart?.()
      } while (cursor !== "0")
      return found
    },
    async describe(names) {
      const answers = await Promise.allSettled(cluster.masters().map((node) => describe(node, names)))
      const described = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []))
      const [first] = answers
      if (described.length === 0 && first?.status === "rejected") throw first.reason
      return described
    },
    close: cluster.close,
  }
}

async function describe(node: RedisNode, names: string[]): Promise<RedisDescription> {
  const text = String(await node.call("INFO"))
  // Managed servers may refuse CONFIG; their settings are absent.
  const pairs = ((await node.call("CONFIG", "GET", ...names).catch(() => [])) ?? []) as string[]
  return { info: readInfo(text), settings: readSettings(names, pairs) }
}

const readInfo = (text: string): Map<string, string> =>
  new Map(
    text.split("\r\n").map((line): [string, string] => {
      const at = line.indexOf(":")
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )

const readSettings = (names: string[], pairs: string[]): Map<string, string> =>
  new Map(
    names.flatMap((name): [string, string][] => {
      const value = pairs[pairs.indexOf(name) + 1]
      return pairs.includes(name) && value !== undefined ? [[name, value]] : []
    }),
  )
