import { describe, expect, test } from "@jest/globals"
import { parseArguments } from "./arguments.ts"
import { type Command, UsageError } from "./command.ts"
import { createOutput } from "./output.ts"

/** Returns an output to a terminal or a pipe, and what it has written. */
function written(isTTY: boolean, json = false) {
  const texts = { stdout: "", stderr: "" }
  const stream = (name: "stdout" | "stderr") => ({
    isTTY,
    write: (text: string) => {
      texts[name] += text
      return true
    },
  })
  return { texts, output: createOutput({ json, stdout: stream("stdout"), stderr: stream("stderr") }) }
}

const ROWS = [
  { name: "one", count: 5 },
  { name: "eleven", count: 1_000 },
  { name: "none", count: null },
]

describe("a table", () => {
  test("on a terminal: has columns of equal width, numbers to the right", () => {
    const { texts, output } = written(true)
    output.table(ROWS)
    expect(texts.stdout.split("\n")).toEqual([
      "name    count",
      "──────  ─────",
      "one         5",
      "eleven   1000",
      "none        –",
      "",
    ])
  })

  test("in a pipe: has tabs", () => {
    const { texts, output } = written(false)
    output.table(ROWS)
    expect(texts.stdout).toBe("name\tcount\none\t5\neleven\t1000\nnone\t–\n")
  })

  test("without rows: is nothing", () => {
    for (const isTTY of [true, false]) {
      const { texts, output } = written(isTTY)
      output.table([])
      expect(texts.stdout).toBe("")
    }
  })
})

describe("with --json", () => {
  test("standard output: has the document alone, progress and errors are lines of JSON elsewhere", () => {
    const { texts, output } = written(true, true)
    output.line("a line")
    output.table(ROWS)
    const progress = output.progress("counted")
    progress.set(1, 2)
    progress.end()
    output.error("wrong")
    output.document({ ok: true })
    expect(texts.stdout).toBe('{"ok":true}\n')
    const lines = texts.stderr.trim().split("\n")
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { progress: "counted", done: 1, total: 2 },
      { error: "wrong" },
    ])
  })
})

describe("progress", () => {
  test("on a terminal: is a bar that goes away", () => {
    const { texts, output } = written(true)
    const progress = output.progress("counted")
    progress.set(1, 2)
    progress.end()
    expect(texts.stderr).toBe(`\r\u001b[K${"█".repeat(15)}${"░".repeat(15)} 50 % counted: 1 of 2\r\u001b[K`)
  })

  test("in a pipe: is a line at the end, with the caller's words", () => {
    const { texts, output } = written(false)
    const progress = output.progress("counted")
    progress.set(3)
    progress.set(4, 4, "four of them")
    progress.end()
    expect(texts.stderr).toBe(`${"█".repeat(30)} 100 % counted: four of them\n`)
  })
})

describe("the arguments", () => {
  const command: Command = {
    name: "count",
    summary: "",
    usage: "",
    options: { from: { type: "string" }, deep: { type: "boolean" } },
    run: async () => 0,
  }

  test("with the options of all and of the command, in any place: are told apart", () => {
    expect(parseArguments(["--json", "count", "a", "--from", "x", "b"], [command])).toEqual({
      command,
      args: { options: { from: "x" }, words: ["a", "b"] },
      json: true,
      help: false,
    })
    expect(parseArguments(["-h"], [command])).toMatchObject({ command: undefined, help: true })
  })

  test.each([
    [["recount"], '"recount"'],
    [["count", "--fro", "x"], "'--fro'"],
    [["count", "-x"], "'-x'"],
    [["count", "--from"], "--from"],
    [["count", "--deep=yes"], "--deep"],
    [["--deep"], "'--deep'"],
  ])("%j: name what is wrong", (argv, named) => {
    expect(() => parseArguments(argv, [command])).toThrow(UsageError)
    expect(() => parseArguments(argv, [command])).toThrow(named)
  })
})
