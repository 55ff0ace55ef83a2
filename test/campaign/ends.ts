/** Keeps apart the ends of servers that the campaign brought about from those that it cannot explain. */

export type Ends = {
  /** To be called before a process is killed. */
  willKill(pid: number): void
  /** To be called at each end of a server's process. */
  ended(server: string, pid: number | undefined, why: string): void
  unexplained(): string[]
}

/** `excuse` says whether an end that is no kill of ours was to be expected of this server just now. */
export const trackEnds = (excuse: (server: string) => boolean): Ends => {
  const killed = new Set<number>()
  const lines: string[] = []
  return {
    willKill: (pid) => killed.add(pid),
    ended(server, pid, why) {
      // A pid explains one end only: the next process may get the same one.
      if (pid !== undefined && killed.delete(pid)) return
      if (excuse(server)) return
      lines.push(`${new Date().toISOString()} ${server} ended by itself: ${why}`)
    },
    unexplained: () => [...lines],
  }
}
