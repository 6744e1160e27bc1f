import { expect, test } from "bun:test";
import {
  atRegistry,
  formatReference,
  parseName,
  parseTarget,
  withDefaultTag,
} from "./reference.ts";

const hex = "a".repeat(64);

test.each([
  ["alpine", "docker.io/library/alpine:latest"],
  ["alpine:3.20", "docker.io/library/alpine:3.20"],
  ["user/app", "docker.io/user/app:latest"],
  ["docker.io/alpine", "docker.io/library/alpine:latest"],
  ["index.docker.io/library/alpine", "docker.io/library/alpine:latest"],
  ["docker://alpine", "docker.io/library/alpine:latest"],
  ["quay.io/a/b/c:T.a_g-1", "quay.io/a/b/c:T.a_g-1"],
  ["localhost/x", "localhost/x:latest"],
  ["localhost:5000/x", "localhost:5000/x:latest"],
  ["HOST/x", "HOST/x:latest"],
  ["[::1]:5000/x", "[::1]:5000/x:latest"],
  ["a/b__c-d.e---f", "docker.io/a/b__c-d.e---f:latest"],
  [`alpine@sha256:${hex}`, `docker.io/library/alpine@sha256:${hex}`],
  [`quay.io/a:t@sha256:${hex}`, `quay.io/a:t@sha256:${hex}`],
  ["sha256:abc", "docker.io/library/sha256:abc"],
])("parseName(%s) means %s", (text, expected) => {
  const name = withDefaultTag(parseName(text));
  const reference =
    name.registry === null ? atRegistry(name, "docker.io") : { ...name, registry: name.registry };
  expect(formatReference(reference)).toBe(expected);
});

test.each([
  ["", "of the form"],
  ["Alpine", "lower case"],
  ["a//b", "of the form"],
  ["/a", "of the form"],
  ["a/", "of the form"],
  ["../etc", "registry"],
  ["a/../b", "of the form"],
  ["a b", "of the form"],
  ["a:", "a tag has"],
  ["a:-x", "a tag has"],
  [`a:${"t".repeat(129)}`, "a tag has"],
  ["a@sha256:123", "its digest"],
  [`a@sha512:${hex}`, "its digest"],
  [`a@sha256:${hex}@x`, "its digest"],
  ["a___b", "of the form"],
  ["a..b", "of the form"],
  ["-a", "of the form"],
  ["a\0b", "of the form"],
  ["a\n", "of the form"],
  ["ho_st.x/a", "no host name"],
  ["host:port/a", "no host name"],
  [`${"a/".repeat(130)}b`, "255"],
  ["x".repeat(1001), "too long"],
  ["ä", "of the form"],
  ["a;rm -rf", "of the form"],
])("parseName(%p) is refused", (text, message) => {
  expect(() => parseName(text)).toThrow(message);
});

test.each([
  ["app", "localhost/app:latest"],
  ["user/app:1", "localhost/user/app:1"],
  ["quay.io/a/b", "quay.io/a/b:latest"],
])("parseTarget(%s) is %s", (text, expected) => {
  expect(formatReference(parseTarget(text))).toBe(expected);
});

test("parseTarget() takes no digest", () => {
  expect(() => parseTarget(`a@sha256:${hex}`)).toThrow("holds a digest");
});
