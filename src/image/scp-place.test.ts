import { expect, test } from "bun:test";
import { parseScpEnd } from "./scp-place.ts";

const own = { kind: "own" } as const;
const ssh = (address: string, port: number | null = null) =>
  ({ kind: "ssh", address, port }) as const;

test.each([
  ["alpine", { store: own, image: "alpine" }],
  ["[::1]:5000/a:1", { store: own, image: "[::1]:5000/a:1" }],
  ["web1::", { store: ssh("web1"), image: "" }],
  [
    "me@web1.example.com:2222::quay.io/a/b:1",
    { store: ssh("me@web1.example.com", 2222), image: "quay.io/a/b:1" },
  ],
  ["ssh://me@web1:22/::", { store: ssh("me@web1", 22), image: "" }],
  ["me@[fe80::1]::a", { store: ssh("me@fe80::1"), image: "a" }],
  ["me@localhost::a", { store: { kind: "user", user: "me" }, image: "a" }],
  ["localhost::a", { store: ssh("localhost"), image: "a" }],
  ["ssh://me@localhost::a", { store: ssh("me@localhost"), image: "a" }],
] as const)("parseScpEnd(%s)", (text, end) => {
  expect(parseScpEnd(text)).toEqual(end as ReturnType<typeof parseScpEnd>);
});

test.each([
  "-oProxyCommand=id::a",
  "me@-oX::a",
  "-l@host::a",
  "a;id@host::a",
  "host:99999::a",
  "a b::c",
  "::a",
  "host::$(id)",
  "host::-o",
  "host::A",
  "$(id)",
  "",
])("parseScpEnd(%s) refuses", (text) => {
  expect(() => parseScpEnd(text)).toThrow();
});
