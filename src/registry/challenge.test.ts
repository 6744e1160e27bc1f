import { expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

test.each<[string, [string, Record<string, string>][]]>([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:a/b:pull,push",
        },
      ],
    ],
  ],
  ['Basic realm="a \\"quoted\\" one"', [["basic", { realm: 'a "quoted" one' }]]],
  [
    'Basic realm="r", Bearer realm=x, service=y',
    [
      ["basic", { realm: "r" }],
      ["bearer", { realm: "x", service: "y" }],
    ],
  ],
  ["Negotiate", [["negotiate", {}]]],
  ["", []],
])("parseChallenges(%s)", (header, expected) => {
  expect(
    parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.fromEntries(parameters),
    ]),
  ).toEqual(expected);
});
