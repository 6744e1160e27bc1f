import { describe, expect, test } from "bun:test";
import { oneOf } from "../../option.ts";
import { Parameters } from "./parameters.ts";

const of = (query: string) => new Parameters(new URLSearchParams(query));

describe("Parameters", () => {
  test("takes names in any case, and of several values the last", () => {
    expect(of("allTags=1").flag("alltags")).toBe(true);
    expect(of("ALLTAGS=t").flag("allTags")).toBe(true);
    expect(of("a=1&A=2").text("a")).toBe("2");
    expect(of("a=1&A=2&a=").texts("a")).toEqual(["1", "2"]);
  });

  test("takes what is empty for what was not given", () => {
    expect(of("quiet=").flag("quiet", true)).toBe(true);
    expect(of("level=").number("level")).toBeUndefined();
    expect(of("policy=").value("policy", oneOf("always"))).toBeUndefined();
    expect(of("labels=").pairs("labels")).toEqual({});
    expect(of("labels=null").pairs("labels")).toEqual({});
  });

  test("reads JSON, and lists without it", () => {
    expect(of('l=["a","b"]').list("l")).toEqual(["a", "b"]);
    expect(of("l=a&l=b").list("l")).toEqual(["a", "b"]);
    expect(of('p={"a":"b","c":null}').pairs("p")).toEqual({ a: "b" });
  });

  test.each([
    ["force=maybe", (p: Parameters) => p.flag("force"), /"maybe" for the parameter force/],
    ["n=1x", (p: Parameters) => p.number("n"), /for the parameter n/],
    ["p=x", (p: Parameters) => p.value("p", oneOf("a", "b")), /must be one of a, b/],
    ["l=[1]", (p: Parameters) => p.list("l"), /l is no list of strings/],
    ["l=[", (p: Parameters) => p.list("l"), /l is not valid JSON/],
    ["m=[]", (p: Parameters) => p.pairs("m"), /m is no map of strings/],
    ['m={"a":1}', (p: Parameters) => p.pairs("m"), /m is no map of strings/],
  ])("refuses %s", (query, read, message) => {
    expect(() => read(of(query))).toThrow(message);
  });
});
