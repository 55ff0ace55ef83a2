/** Returns the answer of `call`, and how long it took. */
export async function timed<T>(call: Promise<T>): Promise<{ answer: T; tookMs: number }> {
  const started = performance.now()
  const answer = await call
  return { answer, tookMs: performance.now() - started }
}
