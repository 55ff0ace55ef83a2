# The API under serverless-offline, and local/migrate.ts. One image for both.
FROM node:24.21.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM node:24.21.0-trixie-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY . .
USER node
CMD ["node", "node_modules/serverless/bin/serverless.js", "offline", "start", "--stage", "local"]
