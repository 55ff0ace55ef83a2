import * as z from "zod"
import type { Operation } from "../http/operation.ts"
import { named } from "../schemas.ts"

const DependencyState = named("DependencyState", {
  state: z.enum(["up", "down"]),
  latency_ms: z
    .number()
    .min(0)
    .meta({
      description: "How long the check took, in milliseconds.",
      format: "double",
      examples: [1.5],
    }),
})
const Health = named("Health", { status: z.literal("ok") })
const Readiness = named("Readiness", {
  status: z.enum(["ready", "not_ready"]),
  dependencies: z.object({
    mysql: DependencyState,
    redis: DependencyState,
    sqs: DependencyState,
    elasticsearch: DependencyState,
  }),
})

const OpenApi = named("OpenApi", {})

/** Codes may be added, but none will be longer. */
const ERROR_CODE = /^[a-z_]{1,64}$/
const ErrorPath = z.object({
  code: z
    .string()
    .regex(ERROR_CODE)
    .meta({ description: "The `code` of an error.", examples: ["invalid_request"] }),
})

export const getHealth = {
  id: "get-health",
  methods: ["GET"],
  path: "/health",
  tag: "operations",
  summary: "Whether the API answers at all",
  description: "Asks nothing behind the API. Shows whether a copy has to be restarted or taken out of service.",
  answer: { status: 200, description: "It does.", schema: Health },
  sample: 'const { ok } = await fetch("$url")',
} satisfies Operation

export const getReadiness = {
  id: "get-readiness",
  methods: ["GET"],
  path: "/health/ready",
  tag: "operations",
  summary: "Whether everything behind the API answers",
  description:
    "Asks MySQL, Redis, SQS and Elasticsearch, and tells the state of each. It is for alarms: an API that is not ready still serves what it can.",
  answer: { status: 200, description: "All dependencies are up.", schema: Readiness },
  otherAnswers: { 503: { description: "A dependency is down.", schema: Readiness } },
  sample: "await client.ready()",
} satisfies Operation

export const getMetrics = {
  id: "get-metrics",
  methods: ["GET"],
  path: "/metrics",
  administers: true,
  tag: "operations",
  summary: "Figures for Prometheus",
  description:
    "What this process has done since it started, and the state of the queues and stores, in Prometheus' text format. A store that is away is shown as such and fails nothing.",
  answer: { status: 200, description: "The figures.", mediaType: "text/plain" },
  sample: `const adminKey = process.env.ADMIN_API_KEY
const figures = await (await fetch("$url", { headers: { "x-api-key": adminKey } })).text()`,
} satisfies Operation

export const getOpenapi = {
  id: "get-openapi",
  methods: ["GET"],
  path: "/openapi.json",
  tag: "operations",
  summary: "This document",
  description: "Made from the schemas that check requests. Client generators can read it.",
  answer: { status: 200, description: "The OpenAPI 3.1 document.", schema: OpenApi },
  sample: 'const document = await (await fetch("$url")).json()',
} satisfies Operation

export const getDocs = {
  id: "get-docs",
  methods: ["GET"],
  path: "/docs",
  tag: "operations",
  summary: "A page to read and try the API",
  description: "Loads nothing from other servers.",
  answer: { status: 200, description: "The page.", mediaType: "text/html" },
  sample: 'const page = await (await fetch("$url")).text()',
} satisfies Operation

export const getDocsAsset = {
  id: "get-docs-asset",
  methods: ["GET"],
  path: "/docs/{asset}",
  function: "get-docs",
  isHidden: true,
  tag: "operations",
  summary: "A file of the docs page",
  description: "The page names each with a hash of its content, `v`, with which a browser may keep it for good.",
  params: z.object({ asset: z.string() }),
  query: z.object({ v: z.string().optional() }),
  answer: { status: 200, description: "The file.", mediaType: "text/javascript" },
  sample: 'const file = await (await fetch("$url")).text()',
} satisfies Operation

export const getProblem = {
  id: "get-problem",
  methods: ["GET"],
  path: "/problems/{code}",
  tag: "operations",
  summary: "A page that explains an error",
  description: "The `type` of every error leads here. Says what its `code` means and what to do.",
  params: ErrorPath,
  answer: { status: 200, description: "The page.", mediaType: "text/html" },
  sample: 'const page = await (await fetch("$url")).text()',
} satisfies Operation
