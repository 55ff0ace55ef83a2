/**
 * The plugin that refuses to package or deploy without what the cloud must not be without. CloudFormation in turn refuses
 * a reference that leads nowhere, and the functions an empty value (lib/config.ts).
 */
type Serverless = {
  service: { provider: { environment?: Record<string, unknown>; stage?: string } }
  classes: { Error: new (message: string) => Error }
}

/** CloudFormation resolves it at each deployment; a value itself would stand in the template for all to read. */
const SECRET_REFERENCE = /^\{\{resolve:secretsmanager:[^{}]+\}\}$/

/** A class, since serverless makes its plugins with `new`. */
export class RequireSecrets {
  readonly hooks: Record<string, () => void>

  constructor({ service, classes }: Serverless) {
    const requireAdminKey = () => {
      const { environment = {}, stage = "" } = service.provider
      if (SECRET_REFERENCE.test(String(environment.ADMIN_API_KEY))) return
      throw new classes.Error(
        `The stage ${stage} must not be deployed: provider.environment.ADMIN_API_KEY is not a reference to a secret, and without it anyone could list the applications with their tokens.`,
      )
    }
    this.hooks = { "before:package:initialize": requireAdminKey }
  }
}

// What `require` of this module gives, as serverless does it: the class itself, with no default export.
export { RequireSecrets as "module.exports" }
