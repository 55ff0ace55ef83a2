// Ends serverless when a function cannot be built. Otherwise it prints the errors, and lives on without an API, since the
// bundler's process is still there.

/** Serverless prints its own account of the errors first. */
const END_AFTER_MS = 500

module.exports = {
  name: "end-on-errors",
  setup({ onEnd }) {
    onEnd(({ errors }) => {
      if (errors.length > 0) setTimeout(() => process.exit(1), END_AFTER_MS)
    })
  },
}
