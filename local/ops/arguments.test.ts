import { expect, test } from "@jest/globals"
import { parseArguments } from "./arguments.ts"
import { type Command, UsageError } from "./command.ts"

const verify: Command = {
  name: "verify",
  summary: "",
  usage: "",
  options: { application: { type: "string" }, repair: { type: "boolean" } },
  run: async () => 0,
}
const parse = (...argv: string[]) => parseArguments(argv, [verify])

test.each(["-WOfLZoxDvf_WeX470m8Y2o7", "--fLZoxDvf_WeX470m8Y2o7x", "AWOfLZoxDvf_WeX470m8Y2o7"])(
  "the token %s: is the option's, whatever it begins with",
  (token) => {
    for (const argv of [["--application", token], [`--application=${token}`]]) {
      const { args } = parse("verify", ...argv, "--repair")
      expect(args).toEqual({ options: { application: token, repair: true }, words: [] })
    }
  },
)

test("an option without its text, or one that is none: is refused", () => {
  for (const argv of [["--application"], ["--application", "--repair"], ["--nothing"]])
    expect(() => parse("verify", ...argv)).toThrow(UsageError)
})

test("a stage, before or after the command: is the stage's name and no word of the command", () => {
  for (const argv of [
    ["--stage", "prod", "verify"],
    ["verify", "--stage", "prod"],
    ["--stage=prod", "verify"],
  ])
    expect(parse(...argv)).toMatchObject({ command: verify, stage: "prod", args: { options: {}, words: [] } })
  expect(parse("verify").stage).toBeUndefined()
  for (const argv of [["--stage"], ["verify", "--stage", "a/b"], ["--stage", "verify", "--stage"]])
    expect(() => parse(...argv)).toThrow(UsageError)
})
