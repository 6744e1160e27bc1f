import { describe, expect, test } from "bun:test";
import { chooseTarget, type Places, type RemoteChoice } from "./choose.ts";
import { parseTarget } from "./target.ts";

const nothing: RemoteChoice = {
  url: null,
  name: null,
  isRemote: null,
  identity: null,
  tls: { ca: null, certificate: null, key: null, verifies: null, isOn: null },
};
const at = (url: string) => parseTarget(url, { tls: null, identity: null });
const places: Places = {
  context: (name) =>
    name === "box" ? ({ context: {}, target: () => at("tcp://context") } as never) : undefined,
  connection: (name) =>
    ["box", "pod"].includes(name)
      ? ({ connection: {}, target: () => at("tcp://connection") } as never)
      : undefined,
  configured: () => at("tcp://configured"),
  own: () => "/run/own.sock",
};
const url = (choice: Partial<RemoteChoice>, env: Record<string, string> = {}) =>
  chooseTarget({ ...nothing, ...choice }, env, places)?.url ?? null;

describe("chooseTarget()", () => {
  test.each([
    ["nothing asked", {}, {}, null],
    [
      "a URL before the environment",
      { url: "tcp://a" },
      { DOCKER_HOST: "tcp://b" },
      "tcp://a:2375",
    ],
    [
      "a name before the environment",
      { name: { text: "box", of: "context" } },
      { DOCKER_HOST: "tcp://b" },
      "tcp://context:2375",
    ],
    [
      "a connection's name",
      { name: { text: "box", of: "connection" } },
      {},
      "tcp://connection:2375",
    ],
    [
      "a name of the other kind",
      { name: { text: "pod", of: "context" } },
      {},
      "tcp://connection:2375",
    ],
    [
      "the machine by name",
      { name: { text: "default", of: "context" } },
      { DOCKER_HOST: "x" },
      null,
    ],
    ["DOCKER_HOST", {}, { DOCKER_HOST: "tcp://b", CONTAINER_HOST: "tcp://c" }, "tcp://b:2375"],
    ["CONTAINER_HOST", {}, { CONTAINER_HOST: "unix:///c", DOCKER_CONTEXT: "box" }, "unix:///c"],
    ["DOCKER_CONTEXT", {}, { DOCKER_CONTEXT: "box" }, "tcp://context:2375"],
    ["CONTAINER_CONNECTION", {}, { CONTAINER_CONNECTION: "pod" }, "tcp://connection:2375"],
    ["--remote", { isRemote: true }, {}, "tcp://configured:2375"],
    ["--remote=false", { isRemote: false }, { DOCKER_HOST: "tcp://b" }, null],
  ] as const)("%s", (_, choice, env, expected) => {
    expect(url(choice as never, env)).toBe(expected);
  });

  test.each([
    [{ url: "tcp://a", name: { text: "b", of: "context" } }, "exclude each other"],
    [{ isRemote: false, url: "tcp://a" }, "exclude each other"],
    [{ name: { text: "none", of: "connection" } }, 'connection "none" does not exist'],
  ] as const)("refuses %o", (choice, why) => {
    expect(() => url(choice as never)).toThrow(why);
  });

  test("finds certificates as docker does", () => {
    const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs", DOCKER_HOST: "tcp://b" };
    expect(chooseTarget(nothing, env, places)).toMatchObject({
      port: 2376,
      tls: {
        ca: "/certs/ca.pem",
        certificate: "/certs/cert.pem",
        key: "/certs/key.pem",
        verifies: true,
      },
    });
    const tls = { ...nothing.tls, isOn: true };
    expect(chooseTarget({ ...nothing, url: "tcp://b", tls }, {}, places)).toMatchObject({
      tls: { ca: null, certificate: null, verifies: false },
    });
  });
});
