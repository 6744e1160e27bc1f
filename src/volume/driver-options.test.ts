import { describe, expect, test } from "bun:test";
import { checkDriverOptions, mountArgs, ownerOf, quotaOf, volumeMount } from "./driver-options.ts";

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
      { type: "nfs", device: "10.0.0.1:/export", options: ["rw"] },
    ],
    [
      { type: "nfs4", o: "addr=fd00::1", device: ":/" },
      { type: "nfs4", device: "[fd00::1]:/", options: [] },
    ],
    [
      { type: "nfs", o: "vers=4", device: "box:/export" },
      { type: "nfs", device: "box:/export", options: ["vers=4"] },
    ],
    [{ o: "size=10m,inodes=5" }, undefined],
  ])("of %p", (options, mount) => {
    expect(volumeMount(options as Record<string, string>)).toEqual(mount);
  });
});

describe("checkDriverOptions() refuses", () => {
  test.each([
    [{ foo: "1" }, 'no option "foo"'],
    [{ size: "1m", type: "ext4", device: "/dev/x" }, "only a tmpfs and a plain directory"],
    [{ size: "much" }, "not a size"],
    [{ o: "inodes=few" }, "not a whole number"],
    [{ type: "-t", device: "x" }, "cannot begin with -"],
    [{ type: "ext4", device: "--all" }, "cannot begin with -"],
    [{ o: "bind", device: "relative" }, "absolute path"],
    [{ type: "ext4" }, "mounts nothing"],
  ])("%p", (options, why) => {
    expect(() => checkDriverOptions("v", options as Record<string, string>)).toThrow(why);
  });
});

test("quotaOf() reads sizes and inodes of both spellings", () => {
  expect(quotaOf({ o: "uid=7,size=10m" })).toEqual({ bytes: 10 << 20, inodes: null });
  expect(quotaOf({ size: "1k", inodes: "5" })).toEqual({ bytes: 1024, inodes: 5 });
  expect(quotaOf({ o: "uid=7" })).toBeUndefined();
});

test("mountArgs() keeps the device from being taken for an option", () => {
  const mount = { type: "nfs", device: "10.0.0.1:/export", options: ["rw", "vers=4"] };
  expect(mountArgs(mount, "/v")).toEqual([
    ...["-t", "nfs", "-o", "rw,vers=4", "--", "10.0.0.1:/export", "/v"],
  ]);
});

test("ownerOf() reads uid and gid", () => {
  expect(ownerOf({ o: "uid=7,size=1,gid=8" })).toEqual({ uid: 7, gid: 8 });
  expect(ownerOf({ o: "uid=x" })).toEqual({});
});
