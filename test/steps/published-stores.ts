// The stores of docker-compose.yml, with ports published on 127.0.0.1.
import { queueUrlsAt } from "../../lib/queue/queues.ts"
import type { Ports } from "../../local/services/settings.ts"

/** Returns the environment that leads to them. */
export const publishedStores = (ports: Ports): Record<string, string> => {
  const sqs = `http://127.0.0.1:${ports.elasticmq}`
  return {
    MYSQL_URL: `mysql://chat:${process.env.MYSQL_PASSWORD || "chat"}@127.0.0.1:${ports.mysql}/chat`,
    REDIS_URL: `redis://127.0.0.1:${ports.redis}/0`,
    ELASTICSEARCH_URL: `http://127.0.0.1:${ports.elasticsearch}`,
    SQS_ENDPOINT: sqs,
    ...queueUrlsAt(sqs),
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  }
}
