import { describe, expect, test } from "bun:test";
import { Document } from "../document.ts";
import { linksOf } from "./endpoints.ts";

const links = (body: object) => linksOf(new Document(body));

describe("linksOf()", () => {
  test.each([
    [{}, []],
    [
      { HostConfig: { Links: ["db:database", "/web"] } },
      [
        { network: "bridge", target: "db", alias: "database" },
        { network: "bridge", target: "web", alias: "web" },
      ],
    ],
    [
      { HostConfig: { NetworkMode: "net", Links: ["db"] } },
      [{ network: "net", target: "db", alias: "db" }],
    ],
    [
      { NetworkingConfig: { EndpointsConfig: { a: { Links: ["x:y"] }, b: null } } },
      [{ network: "a", target: "x", alias: "y" }],
    ],
  ])("%j", (body, expected) => {
    expect(links(body)).toEqual(expected);
  });

  test.each([
    [{ Links: ["a:b:c"] }, "bad format for links: a:b:c"],
    [{ Links: [""] }, "bad format"],
    [{ Links: ["a:b c"] }, "b c is no name"],
    [{ NetworkMode: "host", Links: ["a"] }, "conflicting options"],
  ])("refuses %j", (HostConfig, words) => {
    expect(() => links({ HostConfig })).toThrow(words);
  });
});
