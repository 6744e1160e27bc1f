import { describe, expect, test } from "bun:test";
import { failureOf, tooMany } from "./failure.ts";

const now = Date.parse("2026-01-01T12:00:00Z");

describe("tooMany()", () => {
  test.each<[string, Record<string, string>, number, string]>([
    ["nothing but the status", {}, 0, "reg refuses more requests for now: too many"],
    [
      "Docker Hub's headers",
      {
        "ratelimit-limit": "100;w=21600",
        "docker-ratelimit-source": "203.0.113.7",
        "retry-after": "900",
      },
      900,
      "reg refuses more requests from 203.0.113.7 for now: too many, 100 are allowed in 6 hours; it resets at 12:15:00 UTC",
    ],
    [
      "a date",
      { "retry-after": "Thu, 01 Jan 2026 12:01:00 GMT" },
      60,
      "reg refuses more requests for now: too many; it resets at 12:01:00 UTC",
    ],
    [
      "the time of the reset",
      { "x-ratelimit-reset": `${now / 1000 + 30}` },
      30,
      "reg refuses more requests for now: too many; it resets at 12:00:30 UTC",
    ],
    [
      "a source that would command the terminal",
      { "docker-ratelimit-source": "x y" },
      0,
      "reg refuses more requests for now: too many",
    ],
  ])("reads %s", (_, headers, wait, message) => {
    const error = tooMany("reg", new Headers(headers), "", now);
    expect([error.message, error.waitSeconds]).toEqual([message, wait]);
    expect(error.hint).toContain("cooper login reg");
  });
});

test.each([
  { method: "GET", status: 403, message: "reg does not give out a/b: no", code: "registry" },
  { method: "PUT", status: 403, message: "reg does not take a/b: no", code: "registry" },
  { method: "GET", status: 404, message: "reg has no a/b: no", code: "no-such-image" },
  {
    method: "PUT",
    status: 404,
    message: "reg answered with status 404 when given a/b: no",
    code: "registry",
  },
])("failureOf() of $method and $status", async ({ method, status, message, code }) => {
  const response = Response.json({ errors: [{ code: "X", message: "no" }] }, { status });
  expect(await failureOf("reg", response, "a/b", method === "PUT")).toMatchObject({
    message,
    code,
  });
});
