import { describe, expect, test } from "bun:test";
import { frame } from "./frames.ts";
import { type Route, routeFinder } from "./route.ts";
import { dockerRoutes } from "./routes/table.ts";
import { newestVersion, splitVersion } from "./versions.ts";

const load: Route["load"] = () => Promise.reject(new Error("not called"));
const find = routeFinder([
  { method: "GET", path: "/images/json", load },
  { method: "GET", path: "/images/{name*}/json", load },
  { method: "DELETE", path: "/images/{name*}", load },
]);

describe("routeFinder()", () => {
  test.each([
    ["GET", "/images/json", "/images/json", {}],
    ["GET", "/images/a/b:1/json", "/images/{name*}/json", { name: "a/b:1" }],
    ["GET", "/images/a%2Fb/json/", "/images/{name*}/json", { name: "a/b" }],
    ["DELETE", "/images/a%", "/images/{name*}", { name: "a%" }],
  ])("%s %s", (method, path, expected, params) => {
    const match = find(method, path);
    expect(match.kind === "found" && [match.route.path, match.params]).toEqual([expected, params]);
  });

  test("tells a wrong method from a wrong path", () => {
    expect(find("PUT", "/images/x/json").kind).toBe("other-method");
    expect(find("GET", "/nothing").kind).toBe("none");
  });

  test("every route loads its handler", async () => {
    for (const route of dockerRoutes) expect(await route.load()).toBeFunction();
  });
});

describe("splitVersion()", () => {
  test.each([
    ["/v1.41/info", 41, "/info"],
    ["/info", newestVersion, "/info"],
    ["/v1.24/containers/v1.2/json", 24, "/containers/v1.2/json"],
  ])("%s", (path, version, rest) => {
    expect(splitVersion(path)).toEqual({ version, rest });
  });

  test.each([
    ["/v1.23/info", "too old"],
    ["/v0.99/info", "too old"],
    ["/v1.999/info", "too new"],
    ["/v2.0/info", "too new"],
  ])("refuses %s", (path, words) => {
    expect(() => splitVersion(path)).toThrow(words);
  });
});

test("frame() puts the stream and the length before the bytes", () => {
  expect([...frame("stderr", Buffer.from("hi"))]).toEqual([2, 0, 0, 0, 0, 0, 0, 2, 104, 105]);
});
