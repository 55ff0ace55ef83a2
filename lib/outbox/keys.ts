/** The Redis keys. A token's first character is its shard, and the hash tag that keeps a shard's keys in one slot. */
import { randomBytes } from "node:crypto"
import { keyText, type ResourceKey } from "../events.ts"

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
export const SHARDS: readonly string[] = [...BASE64URL]

/** 144 random bits, or 138 if the shard gives the first six. */
const TOKEN_BYTES = 18

export const shardOf = (token: string): string => token.charAt(0)

export function drawToken(shard?: string): string {
  const token = randomBytes(TOKEN_BYTES).toString("base64url")
  return shard === undefined ? token : shard + token.slice(1)
}

/** Returns the shard that a byte's low six bits name. */
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
  stored: `{${shard}}:stored`,
})
const KEYS = new Map(SHARDS.map((shard) => [shard, keysOf(shard)]))

export const shardKeys = (shard: string) => KEYS.get(shard) ?? keysOf(shard)
export const applicationKey = (token: string): string => `{${shardOf(token)}}:application:${token}`
/** Returns the key of an application's changes: the fields that the outbox has of it and all below it, by revision. */
export const changesKey = (token: string): string => `{${shardOf(token)}}:changes:${token}`
export const keysWith = (token: string) => ({
  ...shardKeys(shardOf(token)),
  application: applicationKey(token),
  changes: changesKey(token),
})

export const idempotencyKey = (shard: string, hash: string): string => `{${shard}}:key:${hash}`

/** Holds when the latest application of any shard was created, in a slot of its own. */
export const LATEST_CREATION_KEY = "{applications}:latest"

export const applicationRateKey = (token: string): string => `{${shardOf(token)}}:rate:application:${token}`
export const addressRateKey = (shard: string, network: string): string => `{${shard}}:rate:address:${network}`

/** Returns the key of a parent's pending events, sorted by number (applications: by creation time in ms). */
export function pendingKey(shard: string, parent: string): string {
  return parent === "" ? `{${shard}}:pending` : `{${shard}}:pending:${parent}`
}

/** Returns the text of the key's parent; "" above applications. */
export function parentText({ application, chat, message }: ResourceKey): string {
  if (message > 0) return keyText({ application, chat, message: 0 })
  return chat > 0 ? application : ""
}

/** Returns the key's member in its parent's pending set. */
export function pendingMember({ application, chat, message }: ResourceKey): string {
  if (message > 0) return String(message)
  return chat > 0 ? String(chat) : application
}
