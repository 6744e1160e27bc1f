import { describe, expect, test } from "bun:test";
import { CooperError } from "../../errors.ts";
import type { EngineEvent } from "../../events/event.ts";
import { libpodEvent } from "./event.ts";
import { libpodFailure } from "./failure.ts";
import { uptimeText } from "./info.ts";
import { splitLibpodPath } from "./versions.ts";

describe("libpodFailure()", () => {
  test.each([
    [
      new CooperError("no-such-container", "no such container: x"),
      404,
      "no such container",
      'no container with name or ID "x" found: no such container',
    ],
    [
      new CooperError("no-such-object", "no such volume: v"),
      404,
      "no such volume",
      "volume with name v not found: no such volume",
    ],
    [
      new CooperError("no-such-image", "no such image: i"),
      404,
      "image not known",
      "i: image not known",
    ],
    [
      new CooperError("no-such-image", "no such manifest list: m"),
      404,
      "image not known",
      "m: image not known",
    ],
    [
      new CooperError("no-such-network", "network n not found"),
      404,
      "network not found",
      "unable to find network with name or ID n: network not found",
    ],
    [
      new CooperError("name-in-use", "network with name n already exists"),
      409,
      "network already exists",
      "network name n already used: network already exists",
    ],
    [
      new CooperError("conflict", "volume v is in use by the container c"),
      409,
      "volume is being used",
      "volume v is in use by the container c: volume is being used",
    ],
    [
      new CooperError("name-in-use", 'the secret name "s" is already in use'),
      409,
      "secret name in use",
      "s: secret name in use",
    ],
    [
      new CooperError("wrong-state", "c is not running"),
      409,
      "container state improper",
      "c is not running: container state improper",
    ],
    [
      new CooperError("not-supported", "there are no pods"),
      501,
      "there are no pods",
      "there are no pods",
    ],
    [new Error("boom"), 500, "boom", "boom"],
  ])("%s", (error, response, cause, message) => {
    const reply = libpodFailure(error);
    expect(reply.status).toBe(response);
    expect(JSON.parse(String(reply.body))).toEqual({ cause, message, response });
  });
});

test.each([
  ["/libpod/info", 5005, "/info"],
  ["/v4.3.1/libpod/images/a/b/json", 4003, "/images/a/b/json"],
  ["/v5/libpod/_ping", 5000, "/_ping"],
  ["/v5.8.0-dev/libpod/_ping", 5008, "/_ping"],
])("splitLibpodPath() reads %s", (path, version, rest) => {
  expect(splitLibpodPath(path)).toEqual({ version, rest });
});

test.each(["/v1.41/info", "/libpod", "/v1.41/images/libpod/json", "/libpodx/info"])(
  "splitLibpodPath() leaves %s to Docker's API",
  (path) => {
    expect(splitLibpodPath(path)).toBeUndefined();
  },
);

describe("libpodEvent()", () => {
  const event = (action: string, attributes = {}): EngineEvent => ({
    type: "container",
    action,
    id: "abc",
    name: "c",
    image: "i",
    timeMicroseconds: 1_500_000_000_250_000,
    attributes,
  });

  test("has Podman's words, and the exit code under its name", () => {
    expect(libpodEvent(event("die", { exitCode: "3", l: "v" }), 5008)).toMatchObject({
      status: "died",
      id: "abc",
      from: "i",
      Type: "container",
      Actor: { ID: "abc", Attributes: { containerExitCode: "3", l: "v", image: "i", name: "c" } },
      time: 1_500_000_000,
    });
    expect(libpodEvent(event("health_status: healthy"), 5008)).toMatchObject({
      Action: "health_status",
      HealthStatus: "healthy",
    });
  });

  test("has an exit code for older clients, who cannot do without", () => {
    const line = (version: number) => JSON.stringify(libpodEvent(event("create"), version));
    expect(line(4003)).toContain('"containerExitCode":"0"');
    expect(line(5008)).not.toContain("containerExitCode");
  });

  test("leaves out what Podman has no word for", () => {
    expect(libpodEvent(event("snapshot"), 5008)).toBeUndefined();
    expect(libpodEvent({ ...event("create"), type: "secret" }, 4003)).toBeUndefined();
    expect(libpodEvent(event("update"), 4003)).toBeUndefined();
    expect(libpodEvent({ ...event("create"), type: "secret" }, 5008)).toBeDefined();
  });
});

test("uptimeText()", () => {
  expect(uptimeText(22963.4)).toBe("6h 22m 43.00s (Approximately 0.25 days)");
  expect(uptimeText(59)).toBe("0h 0m 59.00s");
});
