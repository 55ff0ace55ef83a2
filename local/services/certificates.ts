import { readFileSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { run } from "../run.ts"

/** The certificates are made for one run. */
const VALID_DAYS = 2

/** A certificate for a server, and the private authority that has signed it. */
export type Certificates = {
  /** The authority's certificate in PEM, which clients must trust. */
  authority: string
  authorityFile: string
  certificateFile: string
  keyFile: string
}

const THIS_MACHINE = "IP:127.0.0.1,DNS:localhost"

/**
 * Makes an authority and a certificate signed by it in a folder, for this machine or for other names.
 * @throws LaunchFailure when openssl 3 is missing.
 */
export const makeCertificates = async (folder: string, names = THIS_MACHINE): Promise<Certificates> => {
  await mkdir(folder, { recursive: true })
  const path = (name: string) => join(folder, name)
  const make = (name: string, subject: string, ...args: string[]) =>
    run("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", `${VALID_DAYS}`, "-subj", subject, "-keyout", path(`${name}.key`), "-out", path(`${name}.crt`)],
      ...args,
    ])
  await make("authority", "/CN=authority of a test", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
  await make(
    ...(["server", "/CN=127.0.0.1", "-CA", path("authority.crt"), "-CAkey", path("authority.key")] as const),
    ...["-addext", `subjectAltName=${names}`, "-addext", "basicConstraints=critical,CA:FALSE"],
  )
  return {
    authority: readFileSync(path("authority.crt"), "utf8"),
    authorityFile: path("authority.crt"),
    certificateFile: path("server.crt"),
    keyFile: path("server.key"),
  }
}
