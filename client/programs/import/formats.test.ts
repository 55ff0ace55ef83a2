import { describe, expect, test } from "@jest/globals"
import { FORMATS, formatOf } from "./formats.ts"
import { sourceOf } from "./given-source.ts"

const SAMPLES: Record<string, Record<string, string | object>> = {
  discord: { "books.json": { guild: { id: "1" }, channel: { id: "2", type: "GuildTextChat" }, messages: [] } },
  telegram: { "result.json": { name: "Books", type: "private_group", id: 1, messages: [] } },
  matrix: { "export.json": { room_name: "Books", topic: "", messages: [] } },
  whatsapp: { "_chat.txt": "[25/03/2024, 15:15:00] Ann: Hello" },
}

describe("the format of a source", () => {
  test.each(Object.entries(SAMPLES))("%s is detected, and nothing else", async (name, files) => {
    const detected = await Promise.all(
      FORMATS.map(async (format) => ((await format.detects(sourceOf(files))) ? format.name : "")),
    )
    expect(detected.filter((found) => found !== "")).toEqual([name])
    expect((await formatOf(sourceOf(files), undefined)).name).toBe(name)
  })
})
