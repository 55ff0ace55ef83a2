/**
 * The plugin by which a deployment prepares the stores before it changes any other function. Each function gets a
 * dependency on the custom resource of resources/prepare-stores.yml; the resource gets a hash of what there is to prepare, since
 * CloudFormation calls it only when a property has changed. An unchanged checkout gives the same template.
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

type Resource = { Type: string; DependsOn?: string[]; Properties: Record<string, unknown> }
type Serverless = {
  serviceDir: string
  service: { provider: { compiledCloudFormationTemplate: { Resources: Record<string, Resource> } } }
}

const RESOURCE = "PrepareStores"
/** serverless writes a dash of the function's name as Dash. */
const FUNCTION = "PrepareDashstoresLambdaFunction"
/** Besides the migrations, the file whose MAPPING_VERSION rises with each change of the index. */
const MAPPING = join("lib", "search", "indexing", "index-mapping.ts")
/** Returns a hash of the migrations and of the mapping. */
function hashOfWork(folder: string): string {
  const hash = createHash("sha256")
  const migrations = readdirSync(join(folder, "migrations")).filter((file) => file.endsWith(".ts"))
  for (const file of [...migrations.sort().map((name) => join("migrations", name)), MAPPING])
    hash.update(`${file}\n${readFileSync(join(folder, file), "utf8")}\n`)
  return hash.digest("hex")
}

/** A class, because serverless creates its plugins with `new`. */
export class PrepareFirst {
  readonly hooks: Record<string, () => void>

  constructor({ serviceDir, service }: Serverless) {
    const prepareFirst = () => {
      const { Resources } = service.provider.compiledCloudFormationTemplate
      const resource = Resources[RESOURCE]
      if (!resource || !Resources[FUNCTION]) throw new Error(`The template has no ${RESOURCE} or no ${FUNCTION}.`)
      resource.Properties.Work = hashOfWork(serviceDir)
      for (const [id, one] of Object.entries(Resources))
        if (one.Type === "AWS::Lambda::Function" && id !== FUNCTION)
          one.DependsOn = [...(one.DependsOn ?? []), RESOURCE]
    }
    // The resources of resources/ are in the template from here on.
    this.hooks = { "after:aws:package:finalize:mergeCustomProviderResources": prepareFirst }
  }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { PrepareFirst as "module.exports" }
