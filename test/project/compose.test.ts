// The files of compose have what Podman needs, and what documents say of its images and memory is true.
import { expect, test } from "@jest/globals"
import { matches, read } from "../steps/project-files.ts"

const compose = read("docker-compose.yml")
const metrics = read("docker-compose.metrics.yml")
const both = `${compose}\n${metrics}`
const decision = read("docs/decisions/0002-container-images.md")
const named = [...matches(both, /^ +image: (\S+)$/gm), ...matches(read("Dockerfile"), /^FROM (\S+)/gm)]
const METRICS_SERVICES = ["prometheus", "grafana"]
const SERVICES = ["proxy", "api", "migrate", "mysql", "redis", "elasticmq", "elasticsearch"]

/** Returns the lines of a service. */
const serviceOf = (name: string): string =>
  new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n| *\\n| {2}#.*\\n)*)`, "m").exec(compose)?.[1] ?? ""

test("each image: has its registry in its name, since Podman refuses a short one, and an exact version", () => {
  expect(named.length).toBeGreaterThanOrEqual(SERVICES.length)
  for (const image of named) expect(image).toMatch(/^[\w-]+(\.[\w-]+)+\//)
  const versioned = named.filter((image) => /:v?\d+\.\d+\.\d+/.test(image))
  // Debian's version is its suite.
  expect(named.filter((image) => !versioned.includes(image))).toEqual(["docker.io/library/debian:trixie-slim"])
})

test("each file that is mounted: has a label for SELinux", () => {
  const mounts = matches(both, /"(\.\/[^"]+)"/g)
  expect(mounts).toHaveLength(5)
  for (const mount of mounts) expect(mount).toMatch(/:ro,z$/)
})

test("migrate, which ends: waits for nobody by depends_on, or Podman before 5.6 does not start the API after it", () => {
  const ending = SERVICES.filter((name) => serviceOf(name).includes("restart: on-failure"))
  expect(ending).toEqual(["migrate"])
  expect(serviceOf("api")).toContain("migrate: { condition: service_completed_successfully }")
  expect(serviceOf("migrate")).not.toContain("depends_on")
})

test("the decision on images: names those that are used", () => {
  const rows = matches(
    decision,
    /^\| (?:mysql|redis|elasticmq|elasticsearch|proxy|prometheus|grafana|api, migrate) +\| (.*?) +\|/gm,
  )
  const written = rows.flatMap((row) => matches(row, /`([^`\s]+)`/g))
  const short = named.map((image) => image.replace(/^docker\.io\/(library\/)?/, ""))
  expect(written.sort()).toEqual(short.sort())
})

test("the memory limits: add up to what the compose file and the decision say", () => {
  const limit = (name: string) => Number(/mem_limit: (\d+)m/.exec(serviceOf(name))?.[1])
  const mebibytes = SERVICES.map(limit).reduce((sum, one) => sum + one, 0)
  const [one, three] = [mebibytes, mebibytes + 2 * limit("api")].map((sum) => `${(sum / 1024).toFixed(1)} GiB`)
  expect(compose).toContain(`Memory limits add up to ${one} with one API and to ${three} with three`)
  expect(decision).toContain(`The limits add up to ${one} with one API; each further copy adds ${limit("api")} MiB`)
})

test("Prometheus and Grafana: come with their file alone, and listen on this machine", () => {
  expect(matches(metrics, /^ {2}([a-z]+):$/gm)).toEqual(METRICS_SERVICES)
  const ports = matches(metrics, /ports: (.*)/g)
  expect(ports).toHaveLength(METRICS_SERVICES.length)
  for (const port of ports) expect(port).toMatch(/^\["127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+"\]$/)
  expect(compose).not.toMatch(/prometheus|grafana/)
})
