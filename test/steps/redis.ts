// Direct access to Redis, for tests that read its state or prepare it.
import { Redis } from "ioredis"

/** Calls `act` with a separate connection to the tests' Redis. */
export async function withRedis<T>(act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(process.env.REDIS_URL as string)
  try {
    return await act(redis)
  } finally {
    redis.disconnect()
  }
}
