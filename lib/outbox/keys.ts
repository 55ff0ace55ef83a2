/**
 * The names of the Redis keys. The first character of a token is its shard (64 of them, since tokens are base64url),
 * and the shard is the hash tag, so that all keys of one shard lie in one slot of a Redis Cluster.
 */
import { randomBytes } from "node:crypto"
import { keyText, type ResourceKey } from "../events.ts"

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
export const SHARDS: readonly string[] = [...BASE64URL]

/** 144 random bits; 138 remain where the first six are given by the shard. */
const TOKEN_BYTES = 18

export const shardOf = (token: string): string => token.charAt(0)

/** A new token, in `shard` where one is given. */
export function drawToken(shard?: string): string {
  const token = randomBytes(TOKEN_BYTES).toString("base64url")
  return shard === undefined ? token : shard + token.slice(1)
}

/** The shard that a byte stands for (its low six bits). */
export const shardOfByte = (byte: number): string => BASE64URL.charAt(byte & 63)

export const lifeKey = (shard: string): string => `{${shard}}:life`
export const outboxKey = (shard: string): string => `{${shard}}:outbox`
export const dueKey = (shard: string): string => `{${shard}}:due`

const keysOf = (shard: string) => ({
  life: lifeKey(shard),
  outbox: outboxKey(shard),
  due: dueKey(shard),
  attempts: `{${shard}}:attempts`,
  dead: `{${shard}}:dead`,
  deleted: `{${shard}}:deleted`,
})
const KEYS = new Map(SHARDS.map((shard) => [shard, keysOf(shard)]))

/** Both return keys by the names that the scripts give them: a shard's, and with those an application's. */
export const shardKeys = (shard: string) => KEYS.get(shard) ?? keysOf(shard)
export const applicationKey = (token: string): string => `{${shardOf(token)}}:application:${token}`
export const keysWith = (token: string) => ({ ...shardKeys(shardOf(token)), application: applicationKey(token) })

export const idempotencyKey = (shard: string, hash: string): string => `{${shard}}:key:${hash}`

/** When the latest application of any shard was created: in a slot of its own. */
export const LATEST_CREATION_KEY = "{applications}:latest"

/** The buckets of an application's requests, and of an address's within one shard. */
export const applicationRateKey = (token: string): string => `{${shardOf(token)}}:rate:application:${token}`
export const addressRateKey = (shard: string, network: string): string => `{${shard}}:rate:address:${network}`

/** The sorted set of what is in the outbox below one parent, by number (applications: by creation time in ms). */
export function pendingKey(shard: string, parent: string): string {
  return parent === "" ? `{${shard}}:pending` : `{${shard}}:pending:${parent}`
}

/** The text of the parent of `key`; "" above applications. */
export function parentText({ application, chat, message }: ResourceKey): string {
  if (message > 0) return keyText({ application, chat, message: 0 })
  return chat > 0 ? application : ""
}

/** The member under which `key` stands in the pending set of its parent. */
export function pendingMember({ application, chat, message }: ResourceKey): string {
  if (message > 0) return String(message)
  return chat > 0 ? String(chat) : application
}
