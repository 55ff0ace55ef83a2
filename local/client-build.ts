// `npm run client:build`: builds the client's package, for ESM and for CommonJS, each with types of its own.
import { execFile } from "node:child_process"
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { build } from "esbuild"
import { ROOT } from "./services/settings.ts"

const CLIENT = join(ROOT, "client")

/** The oldest Node.js that the client supports; browsers of the same age have its syntax too. */
const TARGET = ["es2022", "node20"]

/** Matches the path of a module in a declaration, in which tsc keeps the extension of the source. */
const MODULE_PATH = /(from "\.\/[\w-]+|import\("\.\/[\w-]+)\.ts"/g

/** Bundles the client for one module system. It is not minified: whoever bundles an application does that. */
const bundle = (format: "esm" | "cjs", outfile: string) =>
  build({ entryPoints: [join(CLIENT, "src", "index.ts")], outfile, bundle: true, format, target: TARGET })

/** What runs from the command line, and the packages that are bundled with it, since the client depends on none. */
const PROGRAMS = ["chat-import", "chat-export"]
const BUNDLED = ["@streamparser/json", "pend", "yauzl"]

/** Bundles a program for Node.js, as CommonJS, which some of what it bundles is. */
async function bundleProgram(name: string, dist: string): Promise<void> {
  const licences = await Promise.all(BUNDLED.map((of) => readFile(join(ROOT, "node_modules", of, "LICENSE"), "utf8")))
  const { metafile } = await build({
    ...{ entryPoints: [join(CLIENT, "programs", `${name}.ts`)], outfile: join(dist, `${name}.cjs`) },
    ...{ bundle: true, format: "cjs", platform: "node", target: "node20", metafile: true },
    banner: { js: "#!/usr/bin/env node" },
    footer: { js: BUNDLED.map((of, index) => `/*! ${of}\n${licences[index]}*/`).join("\n") },
  })
  const used = Object.keys(metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
  const unknown = used.find((of) => of !== undefined && !BUNDLED.includes(of))
  if (unknown !== undefined) throw new Error(`${name} bundles ${unknown}, whose licence it must have`)
}

async function writeDeclarations(dist: string): Promise<void> {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc")
  await promisify(execFile)(process.execPath, [tsc, "--project", CLIENT, "--outDir", dist])
  for (const file of (await readdir(dist)).filter((name) => name.endsWith(".d.ts"))) {
    const text = await readFile(join(dist, file), "utf8")
    await writeFile(join(dist, file), text.replace(MODULE_PATH, '$1.js"'))
    await writeFile(join(dist, file.replace(/\.ts$/, ".cts")), text.replace(MODULE_PATH, '$1.cjs"'))
  }
}

/** Builds the package in `folder`, which gets what is packed: package.json, README, licence, and `dist` made anew. */
export async function buildClient(folder: string): Promise<void> {
  const dist = join(folder, "dist")
  await rm(dist, { recursive: true, force: true })
  await bundle("esm", join(dist, "index.js"))
  await bundle("cjs", join(dist, "index.cjs"))
  await writeDeclarations(dist)
  for (const program of PROGRAMS) await bundleProgram(program, dist)
  await cp(join(ROOT, "LICENSE"), join(folder, "LICENSE"))
  if (folder === CLIENT) return
  for (const file of ["package.json", "README.md"]) await cp(join(CLIENT, file), join(folder, file))
}

if (import.meta.main) await buildClient(CLIENT)
