// Reads the versions of the servers that were measured.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { sql } from "kysely"
import type { SearchStores } from "../../lib/stores.ts"
import { ROOT } from "../../local/services/settings.ts"
import type { Versions } from "../report/bench-run.ts"

/** Returns the versions as the servers report them; that of ElasticMQ, which does not, from the project's pom. */
export async function versionsOf({ redis, mysql, elasticsearch }: SearchStores): Promise<Versions> {
  const [server] = await redis.describe([])
  const { rows } = await sql<{ version: string }>`select version() as version`.execute(mysql)
  const version = rows[0]?.version ?? "unknown"
  const pom = await readFile(join(ROOT, "local", "native", "elasticmq.pom.xml"), "utf8")
  return {
    Redis: server?.info.get("redis_version") ?? "unknown",
    [version.includes("MariaDB") ? "MariaDB" : "MySQL"]: version.split("-")[0] ?? version,
    ElasticMQ: /<artifactId>elasticmq-server_[\d.]+<\/artifactId>\s*<version>([^<]+)/.exec(pom)?.[1] ?? "unknown",
    Elasticsearch: (await elasticsearch.info()).version.number,
  }
}

/** The image of each server in docker-compose.yml, by its name in `versionsOf`. */
const IMAGES: Record<string, string> = {
  MySQL: "mysql",
  MariaDB: "mysql",
  Redis: "redis",
  ElasticMQ: "elasticmq-native",
  Elasticsearch: "elasticsearch",
}

/** Returns the versions that differ from docker-compose.yml: locally built images may hold others under its names. */
export async function unlikeCompose(versions: Versions): Promise<string[]> {
  const compose = await readFile(join(ROOT, "docker-compose.yml"), "utf8")
  return Object.entries(versions)
    .filter(([server, version]) => {
      const [, named] = new RegExp(`image: \\S*/${IMAGES[server]}:([\\d.]+)`).exec(compose) ?? []
      return named !== version
    })
    .map(([server, version]) => `${server} ${version}`)
}

/** Returns the note of a report on versions that differ from docker-compose.yml, if any do. */
export const noteOnVersions = (unlike: string[]): string[] =>
  unlike.length === 0
    ? []
    : [`The images stood in for those of docker-compose.yml, which names other versions than ${unlike.join(" and ")}.`]
