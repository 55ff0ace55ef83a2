// .env.example is true to its readers: the variables, their defaults, and the commands that read a file .env.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "@jest/globals"
import { readConfig } from "../../lib/config.ts"
import { API_PORTS, portVariable, ROOT, SERVICE_NAMES, SERVICES } from "../../local/services/settings.ts"
import { exampleVariables, matches, projectPaths, read } from "../steps/project-files.ts"

const STACKS = ["start", "test", "faults", "bench", "deploy"] as const
const VARIABLES_MIN = 40

/** Variables that are read but not to be set in .env, and why. */
const NOT_LISTED: Record<string, string> = {
  CHAT_CLOCK_FILE: "a campaign of faults sets it for the API whose clock it changes",
  CHAT_FAULTS_LINK_HOST: "a campaign of faults sets it for compose",
  CHAT_FAULTS_COPY_PORTS: "a campaign of faults sets it for compose",
  CHAT_FAULTS_MYSQL_LINK: "a campaign of faults sets it for compose",
  CHAT_FAULTS_REDIS_LINK: "a campaign of faults sets it for compose",
  CHAT_FAULTS_SQS_LINK: "a campaign of faults sets it for compose",
  CHAT_FAULTS_ELASTICSEARCH_LINK: "a campaign of faults sets it for compose",
  METRICS_STAGE: "serverless.yml sets it in the cloud only",
  AWS_EXECUTION_ENV: "the runtime of AWS Lambda sets it",
  AWS_ACCESS_KEY_ID: "the AWS SDK's own, with other ways to give the same",
  AWS_SECRET_ACCESS_KEY: "the AWS SDK's own, with other ways to give the same",
  AWS_SESSION_TOKEN: "the AWS SDK's own, with other ways to give the same",
  AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: "set where it is read",
  JEST_WORKER_ID: "jest sets it",
  MYSQL_DATABASE: "the image's own, set in docker-compose.yml",
  MYSQL_USER: "the image's own, set in docker-compose.yml",
  MYSQL_ROOT_PASSWORD: "the image's own, set in docker-compose.yml",
  NODE_OPTIONS: "Node.js' own, handed on",
  PATH: "of the shell",
  TERM: "of the terminal",
}

const described = exampleVariables()
const listed = described.map(([name]) => name)
const sources = projectPaths()
  .filter(
    (path) =>
      /^(bench|campaign|deployment|functions|lib|local|migrations|test)\/.*\.(ts|mjs|cjs)$/.test(path) &&
      !path.endsWith(".test.ts"),
  )
  .concat("jest.config.mjs")
  .map((path) => [path, read(path)] as const)
const templates = [
  "serverless.yml",
  "docker-compose.yml",
  "docker-compose.metrics.yml",
  "local/compose.ports.yml",
  "campaign/targets/compose.faults.yml",
]
const composeFiles = `${read("docker-compose.yml")}\n${read("docker-compose.metrics.yml")}`
const yaml = templates.map(read).join("\n")
const configured = matches(read("lib/config.ts"), /^ {2}([A-Z_]+):/gm)
const portsOfServers = STACKS.flatMap((stack) =>
  SERVICE_NAMES.map((service) => [portVariable(stack, service), `${SERVICES[service].ports[stack]}`] as const),
)

/** Every variable that is read by the code, serverless.yml or the files of compose. */
const readNames = new Set([
  ...configured,
  ...portsOfServers.map(([name]) => name),
  ...matches(yaml, /(?<!\$)\$\{(?:env:)?([A-Z_]+)\b(?!::)/g),
  ...sources.flatMap(([, text]) => [
    ...matches(text, /\b(?:process\.env|env|environment)\.([A-Z][A-Z_]+)\b/g),
    ...matches(text, /\bportFrom\([\w.]+, "([A-Z_]+)"/g),
    ...matches(text, /\{ ([A-Z_, ]+) \}: Record<string, string \| undefined>/g).flatMap((names) => names.split(", ")),
  ]),
  // Powertools reads it.
  "LOG_LEVEL",
])

/** Returns the default of each variable, from the source that sets it. */
function defaults(): Map<string, string> {
  const required = Object.fromEntries(
    described.filter(([name, value]) => configured.includes(name) && /:\/\//.test(value)),
  )
  const found = new Map(Object.entries(readConfig(required)).map(([name, value]) => [name, `${value}`]))
  const set = (name: string, value: string) => found.has(name) || found.set(name, value)
  for (const [name, value] of portsOfServers) set(name, value)
  for (const [, name = "", value = ""] of yaml.matchAll(/\$\{(?:env:)?([A-Z_]+)(?::-|, )'?([^'}]+)'?\}/g))
    set(name, value)
  for (const [, text] of sources)
    for (const [, name = "", value = ""] of text.matchAll(/\benv\.([A-Z_]+) \?\? "([^"]*)"/g)) set(name, value)
  set("CHAT_FAULTS_API_PORT", `${API_PORTS.faults}`)
  set("CHAT_BENCH_API_PORT", `${API_PORTS.bench}`)
  // The default of Powertools.
  return found.set("LOG_LEVEL", "INFO")
}

describe(".env.example", () => {
  test("has every variable that is read, once, but for those that are not to be set in it", () => {
    expect(readNames.size).toBeGreaterThan(VARIABLES_MIN)
    const known = new Set([...listed, ...Object.keys(NOT_LISTED)])
    expect([...readNames].filter((name) => !known.has(name))).toEqual([])
    expect(listed.filter((name, index) => listed.indexOf(name) !== index)).toEqual([])
  })

  test("has no variable that nothing reads, and none that is not to be set", () => {
    expect(listed.filter((name) => !readNames.has(name))).toEqual([])
    expect(Object.keys(NOT_LISTED).filter((name) => listed.includes(name) || !readNames.has(name))).toEqual([])
  })

  test("shows each variable with its default, or with a URL or nothing where there is none", () => {
    const byName = defaults()
    const shown = described.filter(
      ([name, value]) => value !== "" && !value.includes("://") && name !== "CHAT_KEEP_SERVICES",
    )
    expect(shown).toEqual(shown.map(([name]) => [name, byName.get(name)]))
    expect(shown.length).toBeGreaterThan(VARIABLES_MIN / 2)
  })

  test("sets nothing as it is, and with every line taken in is a configuration with the defaults", () => {
    expect(matches(read(".env.example"), /^([^#\n].*)$/gm)).toEqual([])
    const { ELASTICSEARCH_INDEX, AWS_REGION, ...others } = readConfig(Object.fromEntries(described))
    const isText = ([, value]: [string, unknown]): boolean => typeof value === "string"
    const required = Object.fromEntries(Object.entries(others).filter(isText)) as Record<string, string>
    expect(readConfig(required)).toEqual({ ...others, ELASTICSEARCH_INDEX, AWS_REGION })
  })
})

describe("the head of .env.example", () => {
  const [head = ""] = read(".env.example").split("# ---")
  const [reading = "", notReading = ""] = head.split("# These see the environment alone:")

  test("names the commands that read a file .env, and those that do not", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> }
    const started = Object.entries(scripts).flatMap(([name, command]) => {
      const [, path] = /\bnode (local\/[\w.-]+)$|\bnode (local\/\w+\.ts)/.exec(command)?.filter(Boolean) ?? []
      return path ? [[name, programOf(path)] as const] : []
    })
    const reads = ([, program]: readonly [string, string]) =>
      /\b(loadEnvironment|loadEnvFile|configFor)\(/.test(read(program))
    const commandOf = ([name]: readonly [string, string]) =>
      /^(start|test)$/.test(name) ? `npm ${name}` : `npm run ${name}`
    const named = (text: string) => matches(text, /(npm (?:run )?[a-z:]+)/g)
    expect(named(reading).sort()).toEqual(started.filter(reads).map(commandOf).sort())
    const others = started.filter((one) => !reads(one)).map(commandOf)
    // These write files of the project or check sources, and use no variable.
    const written = ["client:build", "client:types", "collections", "licences", "openapi"].map(
      (name) => `npm run ${name}`,
    )
    const unconcerned = ["npm run check", ...written]
    expect(named(notReading).sort()).toEqual(others.filter((command) => !unconcerned.includes(command)).sort())
  })

  test("names the variables that docker compose takes from it", () => {
    const [, line = ""] = /docker compose +([A-Z_, ]+)\n/.exec(reading) ?? []
    const taken = new Set(matches(composeFiles, /(?<!\$)\$\{([A-Z_]+)/g))
    expect(line.split(", ").sort()).toEqual([...taken].sort())
  })
})

/** Returns the program that a script of package.json runs in the end; a bootstrap names another file. */
function programOf(path: string): string {
  const [, bootstrapped] = /\bbootstrap\("([^"]+)"\)/.exec(read(path)) ?? []
  const program = bootstrapped ? join("local", bootstrapped) : path
  expect([path, existsSync(join(ROOT, program))]).toEqual([path, true])
  return program
}
