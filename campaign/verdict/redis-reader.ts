/** Reads Redis directly, also a cluster whose nodes come, go and hand shards over. */
import { type ChainableCommander, Redis } from "ioredis"
import { SHARDS } from "../../lib/outbox/keys.ts"

export type RedisReader = {
  /** Asks for one value of each shard, wherever it is. Throws unless every shard is answered. */
  ofEachShard(ask: (pipeline: ChainableCommander, shard: string) => void): Promise<unknown[]>
  /** Returns the sum of the memory that the servers have used. */
  memoryBytes(): Promise<number>
  close(): void
}

/** A shard is elsewhere, or in between; another server answers for it, or none does. */
const ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/

/** Returns a reader of the servers at `urls()`, which is asked each time. Calls to them take at most `answerMs`. */
export function createRedisReader(urls: () => string[], answerMs: number): RedisReader {
  const connections = new Map<string, Redis>()

  function connect(url: string): Redis {
    const redis = new Redis(url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: answerMs,
      retryStrategy: () => 200,
      // A node that is not yet taken in answers what it is asked all the same.
      enableReadyCheck: false,
    })
    redis.on("error", () => undefined)
    connections.set(url, redis)
    return redis
  }

  function servers(): Redis[] {
    const wanted = urls()
    for (const [url, redis] of connections) {
      if (wanted.includes(url)) continue
      redis.disconnect()
      connections.delete(url)
    }
    return wanted.map((url) => connections.get(url) ?? connect(url))
  }

  async function askAll(redis: Redis, ask: (pipeline: ChainableCommander, shard: string) => void) {
    const pipeline = redis.pipeline()
    for (const shard of SHARDS) ask(pipeline, shard)
    const answers = (await pipeline.exec()) ?? []
    return answers.map(([error, value]) => {
      if (error && !ELSEWHERE.test(error.message)) throw error
      return error ? undefined : { value }
    })
  }

  // Connected before the first question.
  servers()
  return {
    async ofEachShard(ask) {
      const answers = await Promise.all(servers().map((redis) => askAll(redis, ask)))
      return SHARDS.map((shard, index) => {
        const answer = answers.map((one) => one[index]).find((one) => one !== undefined)
        if (!answer) throw new Error(`no server has the shard ${shard}`)
        return answer.value
      })
    },
    async memoryBytes() {
      const infos = await Promise.all(servers().map((redis) => redis.info("memory")))
      return infos.reduce((sum, info) => sum + Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0), 0)
    },
    close() {
      for (const redis of connections.values()) redis.disconnect()
    },
  }
}
