// Which servers were measured.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { sql } from "kysely"
import type { SearchStores } from "../../lib/stores.ts"
import { ROOT } from "../../local/services/settings.ts"
import type { Versions } from "./bench-run.ts"

/** As they tell themselves; ElasticMQ, which does not, as the project brings it up. */
export async function versionsOf({ redis, mysql, elasticsearch }: SearchStores): Promise<Versions> {
  const { info } = await redis.describe([])
  const { rows } = await sql<{ version: string }>`select version() as version`.execute(mysql)
  const version = rows[0]?.version ?? "unknown"
  const pom = await readFile(join(ROOT, "local", "native", "elasticmq.pom.xml"), "utf8")
  return {
    Redis: info.get("redis_version") ?? "unknown",
    [version.includes("MariaDB") ? "MariaDB" : "MySQL"]: version.split("-")[0] ?? version,
    ElasticMQ: /<artifactId>elasticmq-server_[\d.]+<\/artifactId>\s*<version>([^<]+)/.exec(pom)?.[1] ?? "unknown",
    Elasticsearch: (await elasticsearch.info()).version.number,
  }
}
