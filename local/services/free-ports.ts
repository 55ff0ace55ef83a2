import { canListen } from "./probe.ts"

/**
 * Beyond the ports of the stacks, and below those that Linux assigns to outgoing connections, any of which could hold
 * the port of a server that is down for a while.
 */
const PORT_FIRST = 31_000
const PORT_LAST = 32_767
/** The ports that a process begins with, so that processes started one after the other do not meet. */
const PORTS_PER_PROCESS = 24

const PROCESSES = Math.floor((PORT_LAST - PORT_FIRST + 1) / PORTS_PER_PROCESS)
const given = new Set<number>()

/** Returns ports of 127.0.0.1 that nothing listens on, none of which this process has been given before. */
export const freePorts = async (count: number): Promise<number[]> => {
  const first = PORT_FIRST + (process.pid % PROCESSES) * PORTS_PER_PROCESS
  const ports: number[] = []
  for (let step = 0; ports.length < count; step++) {
    const port = PORT_FIRST + ((first - PORT_FIRST + step) % (PORT_LAST - PORT_FIRST + 1))
    if (step > PORT_LAST - PORT_FIRST) throw new Error(`no ${count} free ports from ${PORT_FIRST} to ${PORT_LAST}`)
    if (given.has(port)) continue
    given.add(port)
    if (await canListen(port, "127.0.0.1")) ports.push(port)
  }
  return ports
}

/** Returns ports that are no longer used, to be given again. */
export const releasePorts = (ports: readonly number[]): void => {
  for (const port of ports) given.delete(port)
}
