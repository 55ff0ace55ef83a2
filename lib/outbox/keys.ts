/**
 * The Redis keys. A token's first character is its shard, and a shard's keys have a hash tag, which keeps them in one slot.
 * Releases before these tags took the shard's name alone as the tag: see lives.ts.
 */
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

/**
 * The tags of the shards in their order, each beginning with its shard: the shortest ones with which the shard number i
 * lies in the slot 256 i + 128. So up to 64 masters with equal ranges of slots have equally many shards, give or take one.
 */
export const TAGS: readonly string[] = [
  ...["AIo", "Bee3", "Cew6", "DbqJ", "EaWl", "FcEa", "GbGE", "Hbto", "IdNe", "JgLI", "KfNm", "L9g", "Mbn7", "NcLY"],
  ...["OjX", "PaNG", "Qfun", "Rdgc", "Sduf", "TaSX", "Ub1v", "VawR", "WaeW", "Xc27", "YeL5", "ZlgC", "aeJ9", "bdhW"],
  ...["cen3", "dGw", "evb", "faxf", "gfaK", "hfRa", "iD1", "jWF", "kfdn", "lbRq", "mcPU", "naBX", "odH1", "pdxh"],
  ...["qdjm", "rghA", "sdNg", "tahY", "uWU", "vbxp", "wdSx", "xeps", "ydrW", "zTu", "0dKs", "1eKw", "2dk9", "3nRF"],
  ...["4dGn", "5dWK", "6fGf", "7fWC", "8dBK", "9dRn", "-adX", "_htF"],
]
const TAG_OF = new Map(SHARDS.map((shard, index) => [shard, TAGS[index]]))
const tagOf = (shard: string): string => TAG_OF.get(shard) ?? shard

/** Returns the shard of a key that has a shard's tag. */
export const shardOfName = (name: string): string => name.charAt(1)
/** Returns the name that a shard's key had in releases before the tags. */
export const formerName = (name: string): string => `{${shardOfName(name)}${name.slice(name.indexOf("}"))}`

/** Returns the shard that a byte's low six bits name. */
export const shardOfByte = (byte: number): string => BASE64URL.charAt(byte & 63)

export const lifeKey = (shard: string): string => `{${tagOf(shard)}}:life`
/** Holds what a shard that is being carried here will have as its life. */
export const arrivingKey = (shard: string): string => `{${tagOf(shard)}}:arriving`
export const outboxKey = (shard: string): string => `{${tagOf(shard)}}:outbox`
export const dueKey = (shard: string): string => `{${tagOf(shard)}}:due`

const keysOf = (shard: string) => ({
  life: lifeKey(shard),
  outbox: outboxKey(shard),
  due: dueKey(shard),
  attempts: `{${tagOf(shard)}}:attempts`,
  dead: `{${tagOf(shard)}}:dead`,
  deleted: `{${tagOf(shard)}}:deleted`,
  stored: `{${tagOf(shard)}}:stored`,
})
const KEYS = new Map(SHARDS.map((shard) => [shard, keysOf(shard)]))

export const shardKeys = (shard: string) => KEYS.get(shard) ?? keysOf(shard)
export const applicationKey = (token: string): string => `{${tagOf(shardOf(token))}}:application:${token}`
/** Returns the key of an application's changes: the fields that the outbox has of it and all below it, by revision. */
export const changesKey = (token: string): string => `{${tagOf(shardOf(token))}}:changes:${token}`
export const keysWith = (token: string) => ({
  ...shardKeys(shardOf(token)),
  application: applicationKey(token),
  changes: changesKey(token),
})

export const idempotencyKey = (shard: string, hash: string): string => `{${tagOf(shard)}}:key:${hash}`

/** Holds when the latest application of any shard was created, in a slot of its own. */
export const LATEST_CREATION_KEY = "{applications}:latest"

export const applicationRateKey = (token: string): string => `{${tagOf(shardOf(token))}}:rate:application:${token}`
export const addressRateKey = (shard: string, network: string): string => `{${tagOf(shard)}}:rate:address:${network}`

/** Returns the key of a parent's pending events, sorted by number (applications: by creation time in ms). */
export function pendingKey(shard: string, parent: string): string {
  return parent === "" ? `{${tagOf(shard)}}:pending` : `{${tagOf(shard)}}:pending:${parent}`
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
