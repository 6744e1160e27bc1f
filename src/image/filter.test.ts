import { expect, test } from "bun:test";
import { matchesReference } from "./filter.ts";

test.each([
  ["docker.io/library/alpine:3", "alpine", true],
  ["docker.io/library/alpine:3", "alpine:3", true],
  ["docker.io/library/alpine:3", "alpine:4", false],
  ["docker.io/library/alpine:3", "al*", true],
  ["docker.io/library/alpine:3", "*:3", true],
  ["docker.io/library/alpine:3", "library/alpine", true],
  ["docker.io/library/alpine:3", "docker.io/library/alpine", true],
  ["docker.io/library/alpine:3", "docker.io/*/*", true],
  ["docker.io/library/alpine:3", "docker.io/*", false],
  ["docker.io/library/alpine:3", "lpine", false],
  ["docker.io/library/alpine:3", "alpin?:[1-3]", true],
  ["docker.io/library/alpine:3", "alpin?:[4-6]", false],
  ["localhost:5000/x:1", "localhost:5000/x", true],
  ["a.b/x.y:1", "a?b/x.y", true],
  ["a.b/xzy:1", "x.y", false],
])("matchesReference(%s, %s) is %p", (name, pattern, expected) => {
  expect(matchesReference(name, pattern)).toBe(expected);
});
