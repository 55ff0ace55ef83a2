import type { ChatApi } from "./chat-api.ts"

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

/** Searches in several scripts and prints what was found, for the languages in `chats`. */
export async function showSearches(api: ChatApi, chats: Map<string, number>): Promise<void> {
  const rows: Record<string, unknown>[] = []
  for (const [code, language, query] of QUERIES) {
    const chat = chats.get(code)
    if (chat === undefined) continue
    const started = performance.now()
    const { data, total } = await api.search(chat, query)
    const ms = Math.round(performance.now() - started)
    const [highlight = ""] = /.{0,20}<em>.*?<\/em>.{0,20}/su.exec(data[0]?.highlight ?? "") ?? []
    rows.push({ language, query, total, ms, highlight })
  }
  console.table(rows)
}
