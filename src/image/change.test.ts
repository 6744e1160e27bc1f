import { expect, test } from "bun:test";
import type { ProcessConfig } from "../oci/image-config.ts";
import { applyChange } from "./change.ts";

test.each<[string, ProcessConfig]>([
  ['CMD ["sh", "-c", "a b"]', { Cmd: ["sh", "-c", "a b"] }],
  ["CMD a b", { Cmd: ["/bin/sh", "-c", "a b"] }],
  ["cmd=/bin/x", { Cmd: ["/bin/sh", "-c", "/bin/x"] }],
  ["CMD [not json", { Cmd: ["/bin/sh", "-c", "[not json"] }],
  ['ENTRYPOINT ["/x"]', { Entrypoint: ["/x"] }],
  ["ENV A=b", { Env: ["A=b"] }],
  ['ENV A=b C=\'d e\' F="g \\"h\\"" I=j\\ k', { Env: ["A=b", "C=d e", 'F=g "h"', "I=j k"] }],
  ["ENV A b c", { Env: ["A=b c"] }],
  [
    "EXPOSE 80 53/UDP 8000-8010",
    { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000-8010/tcp": {} } },
  ],
  ['LABEL a=b "c d"=e', { Labels: { a: "b", "c d": "e" } }],
  ["ONBUILD RUN x", { OnBuild: ["RUN x"] }],
  ["STOPSIGNAL SIGINT", { StopSignal: "SIGINT" }],
  ["USER 1:2", { User: "1:2" }],
  ['VOLUME ["/a", "/b"]', { Volumes: { "/a": {}, "/b": {} } }],
  ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
  ["WORKDIR /x", { WorkingDir: "/x" }],
])("applyChange(%s)", (change, expected) => {
  expect(applyChange({}, change)).toEqual(expected);
});

test("applyChange() adds to what is there, and replaces a variable of the same name", () => {
  const before = { Env: ["A=1", "AB=2"], Labels: { x: "y" } };
  expect(applyChange(applyChange(before, "ENV A=3"), "LABEL z=1")).toEqual({
    Env: ["AB=2", "A=3"],
    Labels: { x: "y", z: "1" },
  });
});

test.each(["RUN x", "CMD", "", "EXPOSE x", "ENV =x", "LABEL a=b =c", "constructor x"])(
  "applyChange(%p) is refused",
  (change) => {
    expect(() => applyChange({}, change)).toThrow("invalid");
  },
);
