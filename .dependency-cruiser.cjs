// Imports go down only: from each floor to those below it, or along it.
const TEST = "\\.test\\.ts$|^(bench|campaign|deployment|test)/"
const FLOORS = {
  // Above it are functions/ and local/, which have rules of their own.
  runtime: "^lib/(search-)?runtime\\.ts$",
  document: "^lib/http/document/",
  operations: "^lib/operations/",
  "relay-and-operate": "^lib/(relay|operate)/",
  search: "^lib/search/",
  changes: "^lib/changes/",
  "chats-and-messages": "^lib/(chats|messages)\\.ts$",
  applications: "^lib/applications\\.ts$",
  "persist-write-http": "^lib/(persist|write|http)/|^lib/merged-page\\.ts$",
  "outbox-and-counts": "^lib/(outbox|counts)/|^lib/readiness\\.ts$",
  stores: "^lib/(stores|stored-reads)\\.ts$",
  config: "^lib/config\\.ts$",
  queue: "^lib/queue/",
  clients: "^lib/clients/",
  events: "^lib/(events|members|database)\\.ts$",
  // The rest: contract, errors, limits, log and what else knows nothing of the system.
  ground: "^lib/[^/]+\\.ts$",
}
/** Types of an upper floor that a lower one names: the list may get shorter, not longer. */
const CLIMBING_TYPES = { stores: "^lib/outbox/outbox\\.ts$", queue: "^lib/config\\.ts$" }

const floors = Object.entries(FLOORS)
const floorRules = floors.slice(1).map(([name, path], index) => {
  const above = floors.slice(0, index + 1).map(([, pattern]) => pattern)
  const own = floors.slice(0, index + 2).map(([, pattern]) => pattern)
  return {
    name: `floor-of-${name}`,
    severity: "error",
    // A folder's file may belong to a floor above, as lib/http/document/ does.
    from: { path, pathNot: [...(name === "ground" ? own.slice(0, -1) : above), TEST].join("|") },
    to: { path: above.join("|"), pathNot: CLIMBING_TYPES[name] ?? "^$" },
  }
})

module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: "climbing-types-are-types",
      severity: "error",
      from: { path: `${FLOORS.stores}|${FLOORS.queue}`, pathNot: TEST },
      to: { path: Object.values(CLIMBING_TYPES).join("|"), dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "functions-are-the-top",
      comment: "Nothing imports a function but tests.",
      severity: "error",
      from: { pathNot: `^functions/|${TEST}` },
      to: { path: "^functions/" },
    },
    {
      name: "drivers-in-clients",
      comment: "lib/clients/ has the only files that import a driver (its types apart).",
      severity: "error",
      from: { path: "^(lib|functions)/", pathNot: `^lib/clients/|${TEST}` },
      to: {
        path: "node_modules/(mysql2|ioredis|@elastic/elasticsearch|@aws-sdk)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "middy-in-wrappers",
      comment: "The endpoint and the consumer wrappers are the places that know of middy.",
      severity: "error",
      from: { path: "^(lib|functions)/", pathNot: `^lib/(http|queue)/|${TEST}` },
      to: { path: "node_modules/@middy/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "http-knows-no-stores",
      comment: "The HTTP layer turns requests into calls; what is stored how is not its business.",
      severity: "error",
      from: { path: "^lib/http/", pathNot: TEST },
      to: {
        path: "^lib/(clients|outbox|persist|write|counts|queue|stores|database)",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "migrations-import-nothing-of-ours",
      comment: "A migration is frozen in time.",
      severity: "error",
      from: { path: "^migrations/" },
      to: { path: "^(bench|campaign|deployment|lib|functions|local|test)/" },
    },
    {
      name: "client-stands-alone",
      comment:
        "The client is a package without dependencies. Its programs use Node.js; client/tsconfig.json keeps src from it.",
      severity: "error",
      from: { path: "^client/", pathNot: TEST },
      // The build bundles the other two with the programs.
      to: { pathNot: "^client/|^node_modules/(yauzl|@types/yauzl|@streamparser/json)/", dependencyTypesNot: ["core"] },
    },
    {
      name: "product-knows-no-client",
      severity: "error",
      from: { path: "^(lib|functions|migrations)/", pathNot: TEST },
      to: { path: "^client/" },
    },
    {
      name: "product-does-not-import-emulation",
      severity: "error",
      from: { path: "^(lib|functions|migrations)/", pathNot: TEST },
      to: { path: "^(bench|campaign|deployment|local|test)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
  },
}
