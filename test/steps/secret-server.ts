// A server that answers GetSecretValue as AWS documents it, since Secrets Manager itself runs only at AWS.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

export const SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:/chat/test/stores"

export type SecretServer = {
  url: string
  /** The number of answered calls. */
  reads(): number
  /** Sets the secret's members; with undefined, calls are refused. */
  set(values: Record<string, unknown> | undefined): void
  close(): void
}

/** Starts the server. It refuses calls that are not signed for its service and region, or name another secret. */
export async function startSecretServer(): Promise<SecretServer> {
  let secret: Record<string, unknown> | undefined
  let reads = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { SecretId } = JSON.parse(await text(request))
    const { authorization = "", "x-amz-target": target } = request.headers
    const isSigned = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/eu-central-1\/secretsmanager\/aws4_request,/.test(
      authorization,
    )
    const isRight = isSigned && target === "secretsmanager.GetSecretValue" && SecretId === SECRET_ARN
    reads++
    const denied = { __type: "AccessDeniedException", Message: "User is not authorized" }
    const body = isRight && secret ? { ARN: SECRET_ARN, SecretString: JSON.stringify(secret) } : denied
    response.writeHead(body === denied ? 400 : 200, { "content-type": "application/x-amz-json-1.1" })
    response.end(JSON.stringify(body))
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reads: () => reads,
    set(values) {
      secret = values
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
