import { expect, test } from "bun:test";
import { readCredentials } from "./credentials.ts";

const encoded = (value: unknown, alphabet: "base64" | "base64url" = "base64") =>
  Buffer.from(JSON.stringify(value)).toString(alphabet);
const ann = { username: "ann", password: "p?>:" };

test.each([
  ["nothing", {}, {}],
  ["Podman's nothing", { "x-registry-auth": encoded({}) }, {}],
  ["one, in either alphabet", { "x-registry-auth": encoded(ann) }, { credentials: ann }],
  ["one, for URLs", { "x-registry-auth": encoded(ann, "base64url") }, { credentials: ann }],
  ["no name and no secret", { "x-registry-auth": encoded({ username: "" }) }, {}],
  [
    "a token",
    { "x-registry-auth": encoded({ identitytoken: "t" }) },
    { credentials: { username: "", password: "", identityToken: "t" } },
  ],
  [
    "a map by registry, as Podman sends it",
    { "x-registry-auth": encoded({ "quay.io": ann }) },
    { sentAuths: { "quay.io": ann } },
  ],
  [
    "a configuration beside one",
    { "x-registry-auth": encoded(ann), "x-registry-config": encoded({ "quay.io": ann }) },
    { credentials: ann, sentAuths: { "quay.io": ann } },
  ],
])("readCredentials() takes %s", (_, headers, expected) => {
  expect(readCredentials(new Map(Object.entries(headers)))).toEqual(expected);
});

test("readCredentials() does not repeat what it cannot read", () => {
  const headers = new Map([["x-registry-auth", "secret!"]]);
  expect(() => readCredentials(headers)).toThrow(/^invalid X-Registry-Auth header$/);
});
