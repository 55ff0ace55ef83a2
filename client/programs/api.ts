// How the programs reach the API: they find out at once if it is not there, and tell when it goes away later.
import { ChatClient } from "../src/client.ts"
import { ConnectionError, TimeoutError } from "../src/errors.ts"

/** With the client's pauses some five to ten minutes: a program waits until the API has been restarted. */
const RETRIES = 60
/** For the first call: a refused connection is reported after a second, and a missing answer after twelve. */
const FIRST_RETRIES = 3
const FIRST_TIMEOUT_MS = 3_000
/** How long an outage lasts before it is reported: a restarted function or a lost packet is over by then. */
const OUTAGE_TOLD_MS = 3_000

const SERVER_ERRORS = 500

type Target = { url: string; adminKey?: string | undefined }

/** Returns a client that waits through outages, and says once of each that the API is away, and once that it is back. */
export function patientClient({ url, adminKey }: Target, say: (line: string) => void): ChatClient {
  let since: number | undefined
  let told = false
  return new ChatClient({
    ...{ url, adminKey, retries: RETRIES },
    onRetry({ error }) {
      if (error.status > 0 && error.status < SERVER_ERRORS) return
      const now = performance.now()
      since ??= now
      if (told || (now - since < OUTAGE_TOLD_MS && !(error instanceof TimeoutError))) return
      told = true
      say(`The API is away (${error.detail}), trying again`)
    },
    async fetch(address, init) {
      const response = await fetch(address, init)
      if (response.status >= SERVER_ERRORS) return response
      if (told) say("The API is back")
      since = undefined
      told = false
      return response
    },
  })
}

/** Throws an Error within some seconds if the API does not answer, or has no application with this token. */
export async function checkApi(url: string, token: string | undefined): Promise<void> {
  const client = new ChatClient({ url, retries: FIRST_RETRIES, timeoutMs: FIRST_TIMEOUT_MS })
  try {
    await (token === undefined ? client.ready() : client.application(token).get())
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    throw new Error(`the API does not answer at ${url} (${error.detail}): does it run, and is the URL right?`)
  }
}
