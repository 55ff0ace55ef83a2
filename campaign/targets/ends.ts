/** Keeps apart the ends of servers that the campaign brought about from those that it cannot explain. */

export type Ends = {
  /** To be called before a process (its pid) or a container (its id) is killed. */
  willKill(id: number | string): void
  /** To be called at each end of a server. */
  ended(server: string, id: number | string | undefined, why: string): void
  unexplained(): string[]
}

/** `excuse` says whether an end that is no kill of ours was to be expected of this server just now. */
export const trackEnds = (excuse: (server: string) => boolean): Ends => {
  const killed = new Set<number | string>()
  const lines: string[] = []
  return {
    willKill: (id) => killed.add(id),
    ended(server, id, why) {
      // A kill explains one end only: the next process may get the same pid, a container keeps its id.
      if (id !== undefined && killed.delete(id)) return
      if (excuse(server)) return
      lines.push(`${new Date().toISOString()} ${server} ended by itself: ${why}`)
    },
    unexplained: () => [...lines],
  }
}
