import { expect, test } from "bun:test";
import { imageName } from "./image-name.ts";

test.each([
  ["alpine:3", "alpine:3"],
  ["docker://quay.io/a/b:1", "quay.io/a/b:1"],
  ["quay.io:5000/a", "quay.io:5000/a"],
])("imageName(%s)", (text, name) => {
  expect(imageName(text)).toBe(name);
});

test.each(["oci:layout", "docker-archive:/etc/passwd", "dir:/etc", "oci-archive:x.tar"])(
  "imageName(%s) refuses",
  (text) => {
    expect(() => imageName(text)).toThrow("only docker transport is supported");
  },
);
