// What a format of chat exports is: it reads a source, and tells what is in it one item at a time.
import type { Readable } from "node:stream"

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue }
export type JsonObject = { [name: string]: JsonValue }

/** Where in the source something stands; `path` is inside a JSON document, as `messages[3].text`. */
export type Place = { file: string; line?: number; path?: string }

/**
 * One thing that a source tells. A chat may come before its messages or after them, or not at all (then it has no name);
 * if it comes again, the later name and metadata hold.
 * A format tells all that there is: what does not fit the limits of the API is cut or left out behind it.
 */
export type Item =
  | {
      kind: "chat"
      /** The source's own id. */
      chat: string
      name: string | null
      metadata: JsonObject
      /** The number that the chat should get, if the source is an export of this API. */
      number?: number
    }
  | {
      kind: "message"
      chat: string
      /** The source's id, unique within the chat. */
      id: string
      body: string
      /** The stable id of its author in the source; the name that was shown is `metadata.sender_name`. */
      sender: string | null
      /** RFC 3339, with the source's own offset. */
      sentAt: string | null
      metadata: JsonObject
      at: Place
      /** The number that the message should get, if the source is an export of this API. Of several the last holds. */
      number?: number
    }
  /** A later line of an export of this API says that the message, or without a number the chat, is gone. */
  | { kind: "deleted"; chat: string; number: number | null }
  /** One line of the report, such as a join or a redacted message. */
  | { kind: "left-out"; what: string; why: string; at: Place }
  /** The source is damaged here, or `option` is needed to read it: nothing of it is imported. */
  | { kind: "problem"; why: string; at: Place; option?: "--timezone" | "--date-order" }

/** A file, a folder or a zip. */
export type Source = {
  /** Yields the files in a stable order, by name. May be called more than once. */
  files(): AsyncIterable<SourceFile>
}

/** A file of a source. `name` is its path inside the source, with `/`. */
export type SourceFile = { name: string; bytes: number; open(): Readable }

export type FormatOptions = {
  /** The IANA name of the time zone of times that have none, such as "Europe/Berlin". */
  timezone?: string
  dateOrder?: "dmy" | "mdy" | "ymd"
  /** The most that may be read into memory at once: a line, or a document that is not streamed. */
  maxBytes: number
}

export type Format = {
  name: string
  /**
   * `source` if the messages of a chat come in their order, `time` if they are to be sorted by `sentAt` (then those of
   * one time stay in the order of the source).
   */
  order: "source" | "time"
  /** Returns whether the source has this format, from its names and first bytes. */
  detects(source: Source): Promise<boolean>
  read(source: Source, options: FormatOptions): AsyncIterable<Item>
}
