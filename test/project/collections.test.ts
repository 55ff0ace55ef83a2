import { describe, expect, test } from "@jest/globals"
import { OPERATIONS } from "../../lib/operations/routes.ts"
import { httpFile } from "../../local/collections/http-file.ts"
import { JOURNEY, requestOf, SETTINGS } from "../../local/collections/journey.ts"
import { postmanCollection } from "../../local/collections/postman.ts"
import { read } from "../steps/project-files.ts"

const steps = JOURNEY.flatMap((chapter) => chapter.steps)
const sortedUnique = (texts: string[]): string[] => [...new Set(texts)].sort()

describe("docs/chat.postman_collection.json and docs/chat.http", () => {
  test("are what `npm run collections` writes", () => {
    expect(JSON.parse(read("docs/chat.postman_collection.json"))).toEqual(
      JSON.parse(JSON.stringify(postmanCollection())),
    )
    expect(read("docs/chat.http")).toBe(httpFile())
  })

  test("have every operation", () => {
    const ids = OPERATIONS.filter(({ isHidden }) => !isHidden).map(({ id }) => id)
    expect(sortedUnique(steps.map(({ operation }) => operation.id))).toEqual(sortedUnique(ids))
    const named = [...httpFile().matchAll(/^# @name (.+)$/gm)].map(([, name = ""]) => name)
    expect(named).toHaveLength(steps.length)
    expect(new Set(named).size).toBe(steps.length)
  })

  test("have a title of its own for each request, by which Postman repeats one", () => {
    const titles = steps.map((step) => requestOf(step).title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  test("use a variable only after a step that saves it", () => {
    const known = new Set(Object.keys(SETTINGS))
    for (const step of steps) {
      const used = [...JSON.stringify(requestOf(step)).matchAll(/\{\{(\w+)\}\}/g)].map(([, name = ""]) => name)
      expect(used.filter((name) => !known.has(name))).toEqual([])
      for (const name of Object.keys(step.saves ?? {})) known.add(name)
    }
  })
})
