// Redis as it is behind the API: what tests look at there, or set as something else would have left it.
import { Redis } from "ioredis"

/** Does something on a connection of its own to the tests' Redis. */
export async function withRedis<T>(act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(process.env.REDIS_URL as string)
  try {
    return await act(redis)
  } finally {
    redis.disconnect()
  }
}
