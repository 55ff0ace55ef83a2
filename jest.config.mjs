export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  testMatch: ["<rootDir>/{lib,local,test,functions}/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/.data", "<rootDir>/.serverless", "<rootDir>/.esbuild"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2024", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
  maxWorkers: 2,
}
