import type { Argument, Script, ScriptValue } from "../../clients/redis.ts"

type Named<Name extends string, Value> = {
  [N in Name as N extends `...${infer List}` ? List : N]: N extends `...${string}` ? readonly Value[] : Value
}

/**
 * Defines a script with named keys and arguments, which its Lua declares as locals: the key `outbox` becomes
 * `outbox_key`, the argument `eventsMax` becomes `events_max`, and a last name that begins with "..." a table. A test
 * ensures that no other Lua name shadows an argument.
 */
export function defineScript<const Key extends string, const Arg extends string, Reply>(
  name: string,
  script: {
    /**
     * Flags in the Lua's first line. "" omits the line, and Redis then refuses the script's first write at `maxmemory`.
     * With "none" it refuses the script itself, whether it writes or not, wherever it refuses writes.
     */
    flags?: "no-writes,allow-oom" | "none" | ""
    keys: readonly Key[]
    args: readonly Arg[]
    lua: string
    returns: (reply: ScriptValue[]) => Reply
  },
): Script<Named<Key, string>, Named<Arg, Argument>, Reply> {
  const { flags = "allow-oom", keys, args, lua, returns } = script
  const shebang = flags === "none" ? "#!lua\n" : flags && `#!lua flags=${flags}\n`
  const head = `${shebang}-- ${name}\n${locals(keys, "_key", "KEYS")}${locals(args, "", "ARGV")}`
  return { lua: head + lua, keysOf: inOrder(keys), argsOf: inOrder(args), decode: returns }
}

function locals(names: readonly string[], suffix: string, array: "KEYS" | "ARGV"): string {
  const lines = names.map((name, index) => {
    const [list, local] = [name.startsWith("..."), name.replace("...", "").replace(/[A-Z]/g, "_$&").toLowerCase()]
    if (!list) return `local ${local}${suffix} = ${array}[${index + 1}]\n`
    if (index === 0) return `local ${local} = ${array}\n`
    // `unpack` takes no more than 8,000.
    return `local ${local} = {} for i = ${index + 1}, #${array} do ${local}[i - ${index}] = ${array}[i] end\n`
  })
  return lines.join("")
}

function inOrder<Value extends Argument>(names: readonly string[]) {
  const properties = names.map((name) => name.replace("...", ""))
  return (values: Record<string, Value | readonly Value[]>): Value[] => {
    const list: Value[] = []
    for (const property of properties) {
      const value = values[property] as Value | readonly Value[]
      if (typeof value === "object") for (const one of value) list.push(one)
      else list.push(value)
    }
    return list
  }
}
