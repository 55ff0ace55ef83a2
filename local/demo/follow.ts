import { setTimeout as sleep } from "node:timers/promises"
import type { ChatApi } from "./chat-api.ts"

const PAUSE_MS = 500

export type Followed = { chat: number; number: number; body: string }

/** Follows the application's changes until `stop`, then to their end. Returns the creations of messages, in order. */
export async function followMessages(api: ChatApi, stop: AbortSignal): Promise<Followed[]> {
  const followed: Followed[] = []
  for (let cursor = ""; ; ) {
    const wasStopped = stop.aborted
    const page = await api.changes(cursor)
    cursor = page.next_cursor
    for (const { type, chat_number: chat, number, data } of page.data)
      if (type === "message.created" && data !== null) followed.push({ chat, number, body: data.body })
    if (page.has_more) continue
    if (wasStopped) return followed
    await sleep(PAUSE_MS, undefined, { signal: stop }).catch(() => undefined)
  }
}
