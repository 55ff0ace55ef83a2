// A test that looks at log lines sets its own level.
process.env.LOG_LEVEL ??= "SILENT"

export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  testMatch: ["<rootDir>/{bench,campaign,client/{programs,src},deployment,lib,local,test,functions}/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/.data", "<rootDir>/.serverless", "<rootDir>/.esbuild"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          target: "es2024",
          parser: { syntax: "typescript" },
          experimental: { keepImportAttributes: true },
        },
        module: { type: "es6" },
      },
    ],
  },
  maxWorkers: 2,
  // Modules of finished files stay in memory with vm modules; a worker beyond this is replaced.
  workerIdleMemoryLimit: "500MB",
}
