# The API under serverless-offline and, with another command, local/migrate.ts.

FROM docker.io/library/node:24.21.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Installs only those development tools that the emulator and the docs page need, in the versions of the lock file.
RUN node --input-type=module -e ' \
      import { readFileSync, writeFileSync } from "node:fs"; \
      const { devDependencies, ...rest } = JSON.parse(readFileSync("package.json", "utf8")); \
      const emulator = Object.entries(devDependencies).filter(([name]) => /^(serverless|esbuild|@opentelemetry|@scalar)/.test(name)); \
      writeFileSync("package.json", JSON.stringify({ ...rest, devDependencies: Object.fromEntries(emulator) }))' \
 && npm install
# Removes what nothing loads, two thirds of everything: types, source maps and texts; the browser part and 300 services
# of aws-sdk, of which serverless-offline-sqs uses only SQS; sources of built files; Java.
RUN cd node_modules \
 && find . -type f \( -name "*.d.ts" -o -name "*.d.mts" -o -name "*.d.cts" -o -name "*.map" -o -iname "*.md" \) -delete \
 && find aws-sdk/apis -type f ! -name "sqs*" ! -name "sts*" ! -name metadata.json -delete \
 && rm -rf aws-sdk/dist effect/src @effect/*/src zod/src java-invoke-local/build

FROM docker.io/library/debian:trixie-slim
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
# Only Node.js: npm and the headers, 80 MB, are not needed.
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
# The emulator writes the functions' bundles into this folder.
RUN chown node:node .
COPY --from=packages /app/node_modules node_modules
COPY --chown=node:node . .
USER node
ENV NODE_ENV=production
# Loads every plugin, so that a missing package fails the build and not the start. The schema of serverless.yml that it
# compiles stays in ~/.serverless, which makes each start faster.
RUN node node_modules/serverless/bin/serverless.js print --stage local >/dev/null
CMD ["node", "--import", "./local/tracing.ts", "node_modules/serverless/bin/serverless.js", "offline", "start", "--stage", "local"]
