// The alarms and the dashboard of a stage watch what there is, and tell the operator what to do.
import { beforeAll, describe, expect, test } from "@jest/globals"
import { QUEUES } from "../../lib/queue/queues.ts"
import { matches, read } from "../steps/project-files.ts"
import { asDeployed, ofType, type Template, useTemplates } from "../steps/template.ts"

type Dimension = { Name: string; Value: unknown }
type Metric = { Namespace: string; MetricName: string; Dimensions?: Dimension[] }
type Alarm = Partial<Metric> & {
  AlarmDescription?: string
  AlarmActions: unknown[]
  TreatMissingData: string
  Metrics?: { MetricStat?: { Metric: Metric } }[]
}

const { write } = useTemplates()
let template: Template
beforeAll(async () => {
  const written = await write({
    stage: "alarms",
    file: "alarmEmail: a@example.com\nalarms: { latencyMs: 700, serverErrorsPercent: 5 }",
  })
  template = asDeployed(written)
})

const alarms = () => ofType<Alarm>(template, "AWS::CloudWatch::Alarm")
const metricsOf = ({ Namespace, MetricName, Dimensions, Metrics = [] }: Alarm): Metric[] => {
  const computed = Metrics.flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : []))
  return Namespace && MetricName ? [{ Namespace, MetricName, Dimensions: Dimensions ?? [] }, ...computed] : computed
}
/** Returns "namespace metric" for each thing that an alarm watches, with the ids of the resources that it names. */
const watched = () =>
  alarms().flatMap(([, alarm]) =>
    metricsOf(alarm).map(({ Namespace, MetricName, Dimensions = [] }) => {
      const of = Dimensions.map(
        ({ Value }) => /"(?:Ref|Fn::GetAtt)":\[?"(\w+)"/.exec(JSON.stringify(Value))?.[1] ?? Value,
      )
      return [Namespace, MetricName, ...of].join(" ")
    }),
  )
/** A deployment that it fails fails itself. */
const PREPARES = "PrepareDashstoresLambdaFunction"
const emitted = matches(read("lib/operate/metrics.ts"), /addMetric\(\s*"(\w+)"/g)

describe("the alarms", () => {
  test("watch each queue, the backlog, the functions behind no route, and the API", () => {
    const queues = ofType<{ RedrivePolicy?: unknown }>(template, "AWS::SQS::Queue").map(([id, { RedrivePolicy }]) =>
      RedrivePolicy
        ? `AWS/SQS ApproximateAgeOfOldestMessage ${id}`
        : `AWS/SQS ApproximateNumberOfMessagesVisible ${id}`,
    )
    expect(queues).toHaveLength(2 * Object.keys(QUEUES).length)
    const routed = JSON.stringify(ofType(template, "AWS::ApiGatewayV2::Integration"))
    // A deployment fails with the function that prepares the stores, so that needs no alarm.
    const unrouted = ofType(template, "AWS::Lambda::Function")
      .map(([id]) => id)
      .filter((id) => id !== PREPARES && !routed.includes(`"${id}"`))
    const functions = unrouted.flatMap((id) => ["Errors", "Throttles"].map((metric) => `AWS/Lambda ${metric} ${id}`))
    const backlog = ["OutboxAge", "OutboxFullest", "SearchLag"].map((metric) => `ChatBackend ${metric} alarms`)
    const api = ["5xx", "Count", "Latency"].map((metric) => `AWS/ApiGateway ${metric} HttpApi`)
    expect(watched().sort()).toEqual([...queues, ...functions, ...backlog, ...api].sort())
  })

  test("each say what to do, and tell the topic, of which CloudWatch may tell and the operator hears", () => {
    for (const [id, { AlarmDescription, AlarmActions }] of alarms()) {
      expect([id, AlarmDescription]).toEqual([
        id,
        expect.stringMatching(/\w: .*\b(look|shows?|says|find|raise)\b.*\.$/),
      ])
      expect([id, AlarmActions]).toEqual([id, [{ Ref: "AlarmTopic" }]])
    }
    const subscriptions = ofType(template, "AWS::SNS::Subscription").map(([, properties]) => properties)
    expect(subscriptions).toEqual([{ TopicArn: { Ref: "AlarmTopic" }, Protocol: "email", Endpoint: "a@example.com" }])
    const [policy] = ofType<{ PolicyDocument: { Statement: unknown[] } }>(template, "AWS::SNS::TopicPolicy")
    expect(policy?.[1].PolicyDocument.Statement).toMatchObject([
      { Effect: "Allow", Principal: { Service: "cloudwatch.amazonaws.com" }, Action: "sns:Publish" },
      { Effect: "Deny", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
    ])
  })

  test("take the thresholds of the stage's file", () => {
    const thresholds = Object.fromEntries(ofType<{ Threshold: number }>(template, "AWS::CloudWatch::Alarm"))
    expect(thresholds.LatencyAlarm?.Threshold).toBe(700)
    expect(thresholds.ServerErrorsAlarm?.Threshold).toBe(5)
  })

  test("of the backlog: are of metrics that the relay reports; one without a value for minutes is bad for the outbox", () => {
    const ours = alarms().filter(([, { Namespace }]) => Namespace === "ChatBackend")
    expect(read("lib/operate/metrics.ts")).toContain('NAMESPACE = "ChatBackend"')
    expect(ours.map(([, { MetricName }]) => MetricName).filter((name) => !emitted.includes(`${name}`))).toEqual([])
    const bad = alarms().filter(([, { TreatMissingData }]) => TreatMissingData !== "notBreaching")
    expect(bad.map(([id]) => id)).toEqual(["OutboxAgeAlarm"])
  })
})

describe("the dashboard", () => {
  type Widget = { type: string; properties: { title: string; metrics?: unknown[][]; alarms?: string[] } }
  const body = (): string => {
    const [[, dashboard] = []] = ofType<{ DashboardBody: { "Fn::Sub": string } }>(
      template,
      "AWS::CloudWatch::Dashboard",
    )
    return dashboard?.DashboardBody["Fn::Sub"] ?? ""
  }
  const widgets = (): Widget[] => JSON.parse(body()).widgets

  test("names only what is in the template", () => {
    const ids = matches(body(), /\$\{(\w+)(?:\.\w+)?\}/g)
    expect(ids.length).toBeGreaterThan(10)
    expect(ids.filter((id) => !(id in template.Resources))).toEqual([])
  })

  test("shows each alarm, each queue, the backlog and the traffic", () => {
    const shown = widgets().flatMap(({ properties }) => properties.alarms ?? [])
    expect(shown.sort()).toEqual(
      alarms()
        .map(([id]) => `\${${id}.Arn}`)
        .sort(),
    )
    // Queues are found by their names, which begin with the stack's.
    for (const metric of ["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"])
      expect(body()).toContain(`{AWS/SQS,QueueName} MetricName=\\"${metric}\\" \${AWS::StackName}`)
    const named = matches(body(), /"(Outbox\w+|SearchLag)"/g)
    expect(named.filter((name) => !emitted.includes(name))).toEqual([])
    expect(named.length).toBeGreaterThan(3)
    for (const metric of ["Count", "4xx", "5xx", "Latency"]) expect(body()).toContain(`"${metric}"`)
  })
})
