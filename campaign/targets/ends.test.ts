import { describe, expect, test } from "@jest/globals"
import { endsOnFullDisk, trackEnds } from "./ends.ts"

describe("the ends of servers", () => {
  test("one that was killed, when it ends, is explained, and its pid explains no other end", () => {
    const ends = trackEnds(() => false)
    ends.willKill(7)
    ends.ended("redis", 7, "SIGKILL")
    expect(ends.unexplained()).toEqual([])
    ends.ended("redis", 7, "exit code 1")
    expect(ends.unexplained()).toEqual([expect.stringMatching(/ redis ended by itself: exit code 1$/)])
  })

  test("a full disk, explains the ends of Redis and MySQL alone", () => {
    const servers = ["redis", "mysql", "elasticsearch", "elasticmq", "api"]
    expect(servers.filter(endsOnFullDisk)).toEqual(["redis", "mysql"])
  })

  test("one with an excuse, when it ends, is explained, and another is not", () => {
    const ends = trackEnds((server) => server === "redis")
    ends.ended("redis", 7, "exit code 1")
    ends.ended("mysql", 8, "SIGABRT")
    ends.ended("api", undefined, "ENOENT")
    expect(ends.unexplained().map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "mysql ended by itself: SIGABRT",
      "api ended by itself: ENOENT",
    ])
  })
})
