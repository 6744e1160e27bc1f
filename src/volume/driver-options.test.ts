import { describe, expect, test } from "bun:test";
import { checkDriverOptions, ownerOf, volumeMount } from "./driver-options.ts";

describe("volumeMount()", () => {
  test.each([
    [{}, undefined],
    [{ o: "uid=7,gid=8" }, undefined],
    [{ type: "tmpfs" }, { type: "tmpfs", device: "tmpfs", options: [] }],
    [
      { type: "tmpfs", device: "tmpfs", o: "mode=700", size: "1m" },
      { type: "tmpfs", device: "tmpfs", options: ["mode=700", "size=1m"] },
    ],
    [
      { type: "none", o: "bind", device: "/srv" },
      { type: "none", device: "/srv", options: ["bind"] },
    ],
    [
      { o: "bind,ro", device: "/srv" },
      { type: null, device: "/srv", options: ["bind", "ro"] },
    ],
    [
      { type: "bind", device: "/srv" },
      { type: "none", device: "/srv", options: ["bind"] },
    ],
    [
      { type: "nfs", o: "addr=10.0.0.1,rw", device: ":/export" },
      { type: "nfs", device: ":/export", options: ["addr=10.0.0.1", "rw"] },
    ],
  ])("of %p", (options, mount) => {
    expect(volumeMount(options as Record<string, string>)).toEqual(mount);
  });
});

describe("checkDriverOptions() refuses", () => {
  test.each([
    [{ foo: "1" }, 'no option "foo"'],
    [{ size: "1m" }, "a size needs type=tmpfs"],
    [{ type: "-t", device: "x" }, "cannot begin with -"],
    [{ type: "ext4", device: "--all" }, "cannot begin with -"],
    [{ o: "bind", device: "relative" }, "absolute path"],
    [{ type: "ext4" }, "mounts nothing"],
  ])("%p", (options, why) => {
    expect(() => checkDriverOptions("v", options as Record<string, string>)).toThrow(why);
  });
});

test("ownerOf() reads uid and gid", () => {
  expect(ownerOf({ o: "uid=7,size=1,gid=8" })).toEqual({ uid: 7, gid: 8 });
  expect(ownerOf({ o: "uid=x" })).toEqual({});
});
