/** Distinguishes the ends of servers that the campaign caused from unexplained ones. */

export type Ends = {
  /** Must be called before a process (by its pid) or a container (by its id) is killed. */
  willKill(id: number | string): void
  /** Must be called at each end of a server. */
  ended(server: string, id: number | string | undefined, why: string): void
  unexplained(): string[]
}

/**
 * Returns whether a full disk may end this server by itself: Redis when it cannot write its append-only file, MariaDB 10.11
 * when it has no room for a rollback ("Out of disk space in rollback"). Whether anything was lost is judged all the same.
 */
export const endsOnFullDisk = (server: string): boolean => server === "redis" || server === "mysql"

/** Returns a record of ends. `excuse` says whether an end without a kill is expected of a server at the moment. */
export const trackEnds = (excuse: (server: string) => boolean): Ends => {
  const killed = new Set<number | string>()
  const lines: string[] = []
  return {
    willKill: (id) => killed.add(id),
    ended(server, id, why) {
      // A kill explains only one end: a later process may get the same pid, and a container keeps its id.
      if (id !== undefined && killed.delete(id)) return
      if (excuse(server)) return
      lines.push(`${new Date().toISOString()} ${server} ended by itself: ${why}`)
    },
    unexplained: () => [...lines],
  }
}
