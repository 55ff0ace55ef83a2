import { createHash, createHmac, type Hash, type Hmac } from "node:crypto"
import { SignatureV4 } from "@smithy/signature-v4"

export type AwsCredentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
type Signing = { service: string; region: string; credentials: () => AwsCredentials }
type Headers = Record<string, string>

/** SHA-256, with a secret HMAC. A class, because the signer creates it with `new`. */
class Sha256 {
  readonly #hash: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret instanceof ArrayBuffer ? new Uint8Array(secret) : secret
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key as string | Uint8Array)
  }

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    throw new Error("a hash is used once")
  }
}

/** Returns a function that returns the headers of a POST to `/` with its signature, which is valid for 15 minutes. */
export function createSigner({ service, region, credentials }: Signing) {
  const signer = new SignatureV4({ service, region, credentials: async () => credentials(), sha256: Sha256 })
  return async ({ protocol, hostname, port }: URL, headers: Headers, body: string): Promise<Headers> => {
    const where = { protocol, hostname, ...(port !== "" && { port: Number(port) }), path: "/" }
    return (await signer.sign({ method: "POST", ...where, headers, body })).headers
  }
}
