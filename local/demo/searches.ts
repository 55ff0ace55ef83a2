import type { ApplicationHandle, List, ListPage } from "../../client/src/index.ts"

/** A fragment of the Declaration in each script: not whole words, and some without the accents of the text. */
export const QUERIES: [code: string, language: string, query: string][] = [
  ["eng", "English", "UMAN RIGHT"],
  ["fra", "French", "libert"],
  ["deu_1996", "German", "wurde"],
  ["ell_monotonic", "Greek", "δικαιωμ"],
  ["rus", "Russian", "прав"],
  ["arb", "Arabic", "الحق"],
  ["heb", "Hebrew", "זכו"],
  ["hin", "Hindi", "अधिकार"],
  ["tha", "Thai", "สิทธิ"],
  ["cmn_hans", "Chinese", "人权"],
  ["jpn", "Japanese", "権利"],
  ["kor", "Korean", "권리"],
  ["amh", "Amharic", "መብት"],
  ["ben", "Bengali", "অধিকার"],
]

/** Returns how many messages a search matches. */
export async function countHits<T>(hits: List<T, ListPage<T> & { total: number }>): Promise<number> {
  for await (const { total } of hits.pages()) return total
  return 0
}

/** Searches in several scripts and prints what was found, for the languages in `chats`. */
export async function showSearches(application: ApplicationHandle, chats: Map<string, number>): Promise<void> {
  const rows: Record<string, unknown>[] = []
  for (const [code, language, query] of QUERIES) {
    const chat = chats.get(code)
    if (chat === undefined) continue
    const started = performance.now()
    const [page] = await Array.fromAsync(application.chat(chat).search(query, { limit: 1 }).pages())
    const ms = Math.round(performance.now() - started)
    const [highlight = ""] = /.{0,20}<em>.*?<\/em>.{0,20}/su.exec(page?.data[0]?.highlight ?? "") ?? []
    rows.push({ language, query, total: page?.total, ms, highlight })
  }
  console.table(rows)
}
