import { expect, test } from "bun:test";
import { parseSecretUse } from "./secrets.ts";

const file = { kind: "mount", uid: null, gid: null, mode: 0o444 } as const;

test.each([
  ["a", { ...file, name: "a", target: "/run/secrets/a" }],
  ["a,target=b", { ...file, name: "a", target: "/run/secrets/b" }],
  ["a,target=/etc/../x", { ...file, name: "a", target: "/x" }],
  [
    "source=a,uid=7,gid=8,mode=0400",
    { kind: "mount", name: "a", target: "/run/secrets/a", uid: 7, gid: 8, mode: 0o400 },
  ],
  ["a,type=env", { kind: "env", name: "a", target: "a" }],
  ["a,type=env,target=B", { kind: "env", name: "a", target: "B" }],
] as const)("parseSecretUse(%s)", (text, use) => {
  expect(parseSecretUse(text)).toEqual(use);
});

test.each([
  ["", "no secret is named"],
  ["a,b", "not KEY=VALUE"],
  ["a,colour=red", 'unknown option "colour"'],
  ["a,type=file", "type must be"],
  ["a,mode=9", "octal"],
  ["a,uid=-1", "a number"],
  ["a,type=env,mode=0400", "a variable has none"],
  ["a,type=env,target=B=C", "a variable's name"],
])("parseSecretUse(%s) refuses", (text, why) => {
  expect(() => parseSecretUse(text)).toThrow(why);
});
