import { existsSync } from "node:fs"
import { join } from "node:path"
import { ROOT, stackFolder } from "./services/settings.ts"
import { servicesFile } from "./services/start.ts"

/** Sets the variables that are not set yet: from `.env`, then from the services that `npm start` has started. */
export function loadEnvironment(): void {
  for (const file of [join(ROOT, ".env"), servicesFile(stackFolder("start"))]) {
    if (existsSync(file)) process.loadEnvFile(file)
  }
}
