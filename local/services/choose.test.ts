import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { QUEUES, RECEIVES_MAX } from "../../lib/queue/queues.ts"
import { chooseEngine, chooseServices } from "./choose.ts"
import { bestJava } from "./install.ts"
import { portsOf, ROOT, VISIBILITY_TIMEOUT_SECONDS } from "./settings.ts"

describe("choosing services", () => {
  test("with nothing set, all four are to be brought up by whatever the machine has", () => {
    expect(chooseServices({})).toEqual({
      given: {},
      own: ["mysql", "redis", "elasticmq", "elasticsearch"],
      engine: undefined,
    })
  })

  test("with URLs set, those servers are taken and only the others are brought up", () => {
    const choice = chooseServices({
      MYSQL_URL: "mysql://u:p@db/chat",
      SQS_ENDPOINT: "http://queue:9324",
      CHAT_SERVICES: "native",
    })
    expect(choice.given).toEqual({ mysql: "mysql://u:p@db/chat", elasticmq: "http://queue:9324" })
    expect(choice.own).toEqual(["redis", "elasticsearch"])
    expect(choice.engine).toBe("native")
  })

  test("with an empty URL, the server is brought up", () => {
    expect(chooseServices({ REDIS_URL: "" }).own).toContain("redis")
  })

  test("with a value that cannot be, the variable is named and not its value", () => {
    expect(() => chooseServices({ MYSQL_URL: "secret" })).toThrow(/^MYSQL_URL is not a URL(?!.*secret)/)
    expect(() => chooseServices({ CHAT_SERVICES: "podman" })).toThrow("CHAT_SERVICES=podman is unknown")
  })
})

describe("choosing an engine", () => {
  test.each([
    { asked: undefined, last: undefined, docker: true, engine: "docker" },
    { asked: undefined, last: undefined, docker: false, engine: "native" },
    { asked: undefined, last: "native", docker: true, engine: "native" },
    { asked: undefined, last: "docker", docker: false, engine: "native" },
    { asked: "docker", last: "native", docker: true, engine: "docker" },
    { asked: "native", last: "docker", docker: true, engine: "native" },
  ] as const)("asked $asked, last $last, Docker answers $docker: $engine", ({ asked, last, docker, engine }) => {
    expect(chooseEngine(asked, last, docker)).toBe(engine)
  })
})

describe("choosing a Java", () => {
  test("of several, the newest that was tried; of newer ones the oldest; none that is too old", () => {
    const javas = (...versions: number[]) => versions.map((version) => ({ home: `/java-${version}`, version }))
    expect(bestJava(javas(17, 21, 25, 27), 21)).toBe("/java-25")
    expect(bestJava(javas(17, 27, 26), 21)).toBe("/java-26")
    expect(bestJava(javas(17), 21)).toBeUndefined()
  })
})

describe("ports and addresses", () => {
  test("the stacks, with nothing set, share no port", () => {
    const ports = (["start", "test", "faults", "bench"] as const).flatMap((name) => Object.values(portsOf(name, {})))
    expect(new Set(ports).size).toBe(ports.length)
  })

  test("a variable, when set, moves the port of one stack", () => {
    expect(portsOf("start", { CHAT_SQS_PORT: "4100" }).elasticmq).toBe(4100)
    expect(portsOf("test", { CHAT_SQS_PORT: "4100" }).elasticmq).toBe(30324)
    expect(portsOf("test", { CHAT_TEST_SQS_PORT: "4100" }).elasticmq).toBe(4100)
    expect(portsOf("faults", { CHAT_FAULTS_SQS_PORT: "4100" }).elasticmq).toBe(4100)
  })

  test.each(["abc", "0", "65536", "1.5"])("a port %s, when asked for, is refused by the variable's name", (text) => {
    expect(() => portsOf("start", { CHAT_REDIS_PORT: text })).toThrow(`CHAT_REDIS_PORT=${text} is not a port`)
  })

  test("the queues of elasticmq.conf, compared with those made on a given server, are the same", () => {
    const config = readFileSync(join(ROOT, "elasticmq.conf"), "utf8")
    for (const { name, deadLetters } of Object.values(QUEUES)) {
      const queue = new RegExp(`\\n  ${name} \\{([^}]*\\})`).exec(config)?.[1]
      expect(queue).toContain(`defaultVisibilityTimeout = ${VISIBILITY_TIMEOUT_SECONDS} seconds`)
      expect(queue).toContain(`{ name = "${deadLetters}", maxReceiveCount = ${RECEIVES_MAX} }`)
      expect(config).toContain(`\n  ${deadLetters} { }`)
    }
  })
})
