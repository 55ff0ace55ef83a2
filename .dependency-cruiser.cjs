// Imports go one way: functions → runtime, http, queue, nouns → clients, errors, events.
const NOUNS = "^lib/(applications|chats|messages|contract|merged-page|readiness)\\.ts$"
const TEST = "\\.test\\.ts$|^(bench|campaign|test)/"

module.exports = {
  forbidden: [
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
      name: "only-functions-build-clients",
      comment: "All else is given its stores.",
      severity: "error",
      from: { path: "^lib/", pathNot: `^lib/(search-)?runtime\\.ts$|${TEST}` },
      to: { path: "^lib/(search-)?runtime\\.ts$" },
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
        path: "^lib/(clients|outbox|persist|numbers|counts|queue|search|runtime|stores|database)",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "nouns-know-no-http",
      severity: "error",
      from: { path: `${NOUNS}|^lib/(clients|outbox|persist|numbers|counts|queue|search)/`, pathNot: TEST },
      to: { path: "^lib/http/" },
    },
    {
      name: "clients-are-the-bottom",
      severity: "error",
      from: { path: "^lib/clients/", pathNot: TEST },
      to: {
        path: "^lib/",
        pathNot: "^lib/(clients/|deadline|errors|events|database|contract)",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "migrations-import-nothing-of-ours",
      comment: "A migration is frozen in time.",
      severity: "error",
      from: { path: "^migrations/" },
      to: { path: "^(bench|campaign|lib|functions|local|test)/" },
    },
    {
      name: "product-does-not-import-emulation",
      severity: "error",
      from: { path: "^(lib|functions|migrations)/", pathNot: TEST },
      to: { path: "^(bench|campaign|local|test)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
  },
}
