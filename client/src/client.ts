import { readinessIn } from "./answers.ts"
import type { Application, ApplicationInput, ApplicationList, Readiness } from "./api-types.ts"
import { ApplicationHandle } from "./application.ts"
import { type CallOptions, type ChatClientOptions, Connection } from "./connection.ts"
import { withEtag } from "./etags.ts"
import { List, type ListOptions } from "./lists.ts"

const APPLICATIONS = "/applications"

/** The API of a chat backend. */
export class ChatClient {
  readonly #connection: Connection

  constructor(options: ChatClientOptions) {
    this.#connection = new Connection(options)
  }

  /** Returns whether the API is ready, and the state of each store. Not ready is an answer, so it is not retried. */
  async ready(options?: CallOptions): Promise<Readiness> {
    const readRefusal = (text: string) => readinessIn<Readiness>(text)
    const path = "/health/ready"
    return (await this.#connection.call<Readiness>({ method: "GET", path, readRefusal, options })).body
  }

  /** Creates an application and returns its handle, which has the token. Needs the admin key. */
  async createApplication(
    application: ApplicationInput,
    options?: CallOptions,
  ): Promise<ApplicationHandle & { readonly data: Application }> {
    const data = withEtag(
      await this.#connection.call<Application>({
        method: "POST",
        path: APPLICATIONS,
        json: application,
        creates: true,
        needsAdminKey: true,
        options,
      }),
    )
    return new ApplicationHandle(this.#connection, data.token, data) as ApplicationHandle & {
      readonly data: Application
    }
  }

  /** Returns the handle of an application, without a request. */
  application(token: string): ApplicationHandle {
    return new ApplicationHandle(this.#connection, token)
  }

  /** All applications, with their tokens, by the time of their creation. Needs the admin key. */
  applications(options: ListOptions = {}): List<Application, ApplicationList> {
    const { order } = options
    return new List<Application, ApplicationList>(async (cursor, limit) => {
      const query = { limit, order, cursor }
      const request = { method: "GET", path: APPLICATIONS, query, needsAdminKey: true, options } as const
      return (await this.#connection.call<ApplicationList>(request)).body
    }, options)
  }
}
