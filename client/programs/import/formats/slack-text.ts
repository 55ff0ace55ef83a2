// The markup of Slack's messages as plain text: https://docs.slack.dev/messaging/formatting-message-text (mentions, links,
// dates, and the three escaped characters).

export type Names = { user(id: string): string | undefined; channel(id: string): string | undefined }

/** What stands between angle brackets, with or without a label behind a bar. */
const REFERENCE = /<([^<>|]+)(?:\|([^<>]*))?>/g

/** Returns a message's text as its readers saw it: mentions with names, links with their address. */
export const plainText = (text: string, names: Names): string =>
  text
    .replace(REFERENCE, (_, target: string, label: string | undefined) => referenceText(target, label, names))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")

function referenceText(target: string, label: string | undefined, names: Names): string {
  const id = target.slice(1)
  if (target.startsWith("@")) return `@${names.user(id) ?? (label || id)}`
  if (target.startsWith("#")) return `#${label || (names.channel(id) ?? id)}`
  if (target.startsWith("!")) return commandText(id, label)
  const address = target.replace(/^(?:mailto|tel):/, "")
  return label === undefined || label === "" || label === address || target.endsWith(`://${label}`)
    ? address
    : `${label} (${address})`
}

/** `here`, `channel`, `everyone`, `subteam^S1`, or `date^1392734382^{date}` with what is shown instead of it. */
function commandText(command: string, label: string | undefined): string {
  if (label !== undefined && label !== "") return label
  const [name = command] = command.split("^")
  return `@${name}`
}
