// ioredis makes two methods of each of the hundreds of commands that Redis has, whenever a process begins. Bundles have
// those commands that lib/clients/redis.ts or ioredis itself sends; others still go through `call`. They also lack its
// debugging output, for which it loads the modules of a terminal.
const OURS = ["asking", "cluster", "config", "eval", "evalsha", "info", "quit", "scan"]
const OF_IOREDIS = ["auth", "client", "hello", "psubscribe", "readonly", "select", "ssubscribe", "subscribe"]

module.exports = {
  name: "lean-ioredis",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^debug$/ }, () => ({ path: require.resolve("./silent-debug.cjs") }))
    onLoad({ filter: /@ioredis.commands.built.commands\.json$/ }, ({ path }) => {
      const all = require(path)
      const kept = [...OURS, ...OF_IOREDIS].map((name) => [name, all[name]])
      return { contents: JSON.stringify(Object.fromEntries(kept)), loader: "json" }
    })
  },
}
