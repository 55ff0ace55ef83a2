/**
 * The plugin that refuses to package or deploy unless ADMIN_API_KEY is a reference to a secret. CloudFormation refuses
 * a reference to a secret that does not exist, and the functions refuse an empty value (lib/config.ts).
 */
type Serverless = {
  service: { provider: { environment?: Record<string, unknown>; stage?: string } }
  classes: { Error: new (message: string) => Error }
}

/** CloudFormation resolves it at each deployment; a plain value would be readable in the template. */
const SECRET_REFERENCE = /^\{\{resolve:secretsmanager:[^{}]+\}\}$/

/** A class, because serverless creates its plugins with `new`. */
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

// serverless loads plugins by `require`, which returns this export: the class itself.
export { RequireSecrets as "module.exports" }
