import { expect, test } from "@jest/globals"
import { run } from "./run.ts"

test("a command that says what it waits for: each line is heard, and what it printed is answered", async () => {
  const heard: string[] = []
  const script = `console.error("waiting: one"); console.log("done"); console.error("waiting: two")`
  expect(await run(process.execPath, ["-e", script], { onErrorLine: (line) => heard.push(line) })).toBe("done\n")
  expect(heard).toEqual(["waiting: one", "waiting: two"])
})

test("a command that fails: names it, its exit code, and its last lines", async () => {
  const script = `console.error("the reason"); process.exitCode = 3`
  await expect(run(process.execPath, ["-e", script])).rejects.toMatchObject({
    message: expect.stringContaining("ended with exit code 3"),
    details: ["the reason"],
  })
})
