/**
 * The plugin that writes the template as the emulator can read it, in the stages' copies of the project only. What it
 * changes is not checked: alarms on metric math are made on a plain metric, and conditions take no item of Fn::Split.
 */
type Alarm = { Type: string; Properties?: { Metrics?: unknown; [name: string]: unknown } }
type Template = { Resources: Record<string, Alarm>; Conditions?: Record<string, unknown> }
type Serverless = { service: { provider: { compiledCloudFormationTemplate: Template } } }

/** Any metric that the emulator knows. */
const PLAIN_METRIC = { Namespace: "AWS/Lambda", MetricName: "Errors", Statistic: "Sum", Period: 60 }

/** Makes an alarm on a plain metric of one on metric math. */
function simplify({ Type, Properties }: Alarm): void {
  if (Type !== "AWS::CloudWatch::Alarm" || Properties?.Metrics === undefined) return
  delete Properties.Metrics
  Object.assign(Properties, PLAIN_METRIC)
}

/** A class, because serverless creates its plugins with `new`. */
export class WithinLimits {
  readonly hooks: Record<string, () => void>

  constructor({ service }: Serverless) {
    const rewrite = () => {
      const { Resources, Conditions = {} } = service.provider.compiledCloudFormationTemplate
      for (const resource of Object.values(Resources)) simplify(resource)
      // The secrets of these stages are named, not given as ARNs.
      const split = Object.entries(Conditions).filter(([, condition]) =>
        JSON.stringify(condition).includes("Fn::Split"),
      )
      for (const [name] of split) Conditions[name] = { "Fn::Equals": ["name", "arn"] }
    }
    this.hooks = { "after:aws:package:finalize:mergeCustomProviderResources": rewrite }
  }
}

// serverless loads plugins by `require`, which returns this export: the class itself.
export { WithinLimits as "module.exports" }
