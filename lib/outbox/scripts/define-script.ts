import type { Argument, Script, ScriptValue } from "../../clients/redis.ts"

type Named<Name extends string, Value> = {
  [N in Name as N extends `...${infer List}` ? List : N]: N extends `...${string}` ? readonly Value[] : Value
}

/**
 * Gives the keys and arguments of a script names. The Lua opens with a local for each: the key `outbox` is `outbox_key`
 * there, the argument `eventsMax` is `events_max`, and a last name that begins with "..." is a table. A test holds that
 * no function or local of the Lua takes the name of an argument.
 */
export function defineScript<const Key extends string, const Arg extends string, Reply>(
  name: string,
  script: {
    /** The first line of the Lua has these; "" leaves that line out, and then Redis refuses the script at `maxmemory`. */
    flags?: "no-writes,allow-oom" | ""
    reads?: true
    keys: readonly Key[]
    args: readonly Arg[]
    lua: string
    returns: (reply: ScriptValue[]) => Reply
  },
): Script<Named<Key, string>, Named<Arg, Argument>, Reply> {
  const { flags = "allow-oom", reads = false, keys, args, lua, returns } = script
  const head = `${flags && `#!lua flags=${flags}\n`}-- ${name}\n${locals(keys, "_key", "KEYS")}${locals(args, "", "ARGV")}`
  return { lua: head + lua, reads, keysOf: inOrder(keys), argsOf: inOrder(args), decode: returns }
}

function locals(names: readonly string[], suffix: string, array: "KEYS" | "ARGV"): string {
  const lines = names.map((name, index) => {
    const [list, local] = [name.startsWith("..."), name.replace("...", "").replace(/[A-Z]/g, "_$&").toLowerCase()]
    if (!list) return `local ${local}${suffix} = ${array}[${index + 1}]\n`
    if (index === 0) return `local ${local} = ${array}\n`
    // Not by `unpack`, which takes no more than 8,000.
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
