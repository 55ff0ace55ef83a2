// An HTTPS server before Elasticsearch that asks for credentials, as Elastic Cloud's does, for want of one in the tests.
import { once } from "node:events"
import { type IncomingMessage, request as requestOf, type ServerResponse } from "node:http"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { pipeline } from "node:stream/promises"
import type { TLSSocket } from "node:tls"

type Options = {
  /** The private key and certificate in PEM. */
  key: string
  cert: string
  /** The only value of the header Authorization that is let through. */
  authorization: string
  /** What paths begin with. It is cut off. */
  prefix?: string
}

export type ElasticsearchFront = {
  port: number
  /** The hosts that clients have named in the handshake and in requests, and their values of Authorization. */
  seen: { names: Set<unknown>; hosts: Set<unknown>; authorizations: Set<unknown> }
  close(): void
}

const REFUSAL = {
  error: { type: "security_exception", reason: "unable to authenticate user for REST request" },
  status: 401,
}

/** Starts the server before the Elasticsearch at `target`, which gets no credentials. */
export async function startElasticsearchFront(target: string, options: Options): Promise<ElasticsearchFront> {
  const { key, cert, authorization, prefix = "" } = options
  const seen = { names: new Set<unknown>(), hosts: new Set<unknown>(), authorizations: new Set<unknown>() }
  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    const { authorization: _credentials, host: _host, ...headers } = request.headers
    const path = request.url?.slice(prefix.length) ?? ""
    const upstream = requestOf(new URL(path, target), { method: request.method ?? "GET", headers })
    await Promise.all([
      pipeline(request, upstream),
      once(upstream, "response").then(([answer]: IncomingMessage[]) => {
        response.writeHead(answer?.statusCode ?? 0, answer?.headers)
        return pipeline(answer as IncomingMessage, response)
      }),
    ])
  }
  const server = createServer({ key, cert }, (request, response) => {
    seen.names.add((request.socket as TLSSocket).servername)
    seen.hosts.add(request.headers.host)
    seen.authorizations.add(request.headers.authorization)
    if (request.headers.authorization === authorization && request.url?.startsWith(`${prefix}/`)) {
      forward(request, response).catch(() => response.destroy())
      return
    }
    response.writeHead(REFUSAL.status, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" })
    response.end(JSON.stringify(REFUSAL))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
