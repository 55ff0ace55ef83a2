// Functions of the previous release, in a process of their own on the stores of this jest worker.
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Context, SQSBatchResponse, SQSRecord } from "aws-lambda"
import type { EndpointHandler } from "../../lib/http/endpoint.ts"
import { ROOT } from "../../local/services/settings.ts"
import { chatApi, directTransport } from "./chat-api.ts"

type Reply = { id?: number; answer?: unknown; error?: string; ready?: true }

/** Starts it with the environment of this process, which has the addresses of the stores. */
export async function startPreviousRelease() {
  const child: ChildProcess = fork(join(ROOT, "test", "previous-release", "serve.mjs"), {
    env: { ...process.env, LOG_LEVEL: "SILENT", NODE_OPTIONS: "" },
    serialization: "advanced",
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  child.on("message", (reply: Reply) => waiting.get(reply.id ?? -1)?.(reply))
  const [started] = await Promise.race([once(child, "message"), once(child, "exit")])
  if (!started?.ready) throw new Error("the previous release did not start: see its error above")
  let calls = 0

  async function call(name: string, event: unknown, context: object): Promise<unknown> {
    const id = calls++
    const replied = new Promise<Reply>((resolve) => waiting.set(id, resolve))
    child.send({ id, name, event, context })
    const { answer, error } = await replied
    if (error !== undefined) throw new Error(`${name} of the previous release failed: ${error}`)
    return answer
  }

  const handlerOf = async (name: string): Promise<EndpointHandler> =>
    ((event, { awsRequestId, functionName }) => call(name, event, { awsRequestId, functionName })) as EndpointHandler
  return {
    api: chatApi(directTransport(handlerOf)),
    /** Delivers records of a queue. Returns the ids that are to come again. */
    async deliver(name: "persist-writes" | "index-messages", Records: SQSRecord[]): Promise<string[]> {
      const answer = (await call(name, { Records }, { functionName: name } as Context)) as SQSBatchResponse
      return answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    },
    async stop(): Promise<void> {
      const exited = once(child, "exit")
      child.disconnect()
      await exited
    },
  }
}
