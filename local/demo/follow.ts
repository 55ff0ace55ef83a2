import type { ApplicationHandle, ChangesPage } from "../../client/src/index.ts"

export type Followed = { chat: number; number: number; body: string }

/** Follows the application's changes until `stop`, then to their end. Returns the creations of messages, in order. */
export async function followMessages(application: ApplicationHandle, stop: AbortSignal): Promise<Followed[]> {
  const followed: Followed[] = []
  const keep = ({ data }: ChangesPage) => {
    for (const change of data)
      if (change.type === "message.created")
        followed.push({ chat: change.chat_number, number: change.number, body: change.data.body })
  }
  const changes = application.changes({ signal: stop })
  try {
    for await (const page of changes.pages()) keep(page)
  } catch (error) {
    if (!stop.aborted) throw error
  }
  // Whole pages were kept, so the cursor is behind the last of them.
  for await (const page of application.changes({ cursor: changes.cursor, follow: false }).pages()) keep(page)
  return followed
}
