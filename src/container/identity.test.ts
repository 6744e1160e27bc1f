import { describe, expect, test } from "bun:test";
import { parseGroup, parseId, parsePasswd, resolveUser } from "./identity.ts";

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment
broken line
app:x:1000:1000:App:/home/app:/bin/sh
1001:x:0:0:a root in disguise:/root:/bin/sh
wide:x:4294967296:0::/:/bin/sh
nohome:x:1005:1005::relative:/bin/sh
`;
const group = `root:x:0:
app:x:1000:
wheel:x:10:root,app
extra:x:2000:app,
2001:x:0:
`;

describe("resolveUser()", () => {
  test.each([
    [
      "nothing is root",
      "",
      [],
      { uid: 0, gid: 0, additionalGids: [10], name: "root", home: "/root" },
    ],
    [
      "a name",
      "app",
      [],
      { uid: 1000, gid: 1000, additionalGids: [10, 2000], name: "app", home: "/home/app" },
    ],
    [
      "a number with an entry",
      "1000",
      [],
      { uid: 1000, gid: 1000, additionalGids: [10, 2000], name: "app", home: "/home/app" },
    ],
    [
      "a number without an entry",
      "1234",
      [],
      { uid: 1234, gid: 0, additionalGids: [], name: null, home: "/" },
    ],
    [
      "digits are never a name",
      "1001",
      [],
      { uid: 1001, gid: 0, additionalGids: [], name: null, home: "/" },
    ],
    [
      "a group ends memberships",
      "app:extra",
      [],
      { uid: 1000, gid: 2000, additionalGids: [], name: "app", home: "/home/app" },
    ],
    [
      "a group by number",
      "app:3000",
      [],
      { uid: 1000, gid: 3000, additionalGids: [], name: "app", home: "/home/app" },
    ],
    [
      "digits are never a group's name",
      "app:2001",
      [],
      { uid: 1000, gid: 2001, additionalGids: [], name: "app", home: "/home/app" },
    ],
    [
      "only a group",
      ":extra",
      [],
      { uid: 0, gid: 2000, additionalGids: [], name: "root", home: "/root" },
    ],
    [
      "an empty group",
      "app:",
      [],
      { uid: 1000, gid: 1000, additionalGids: [10, 2000], name: "app", home: "/home/app" },
    ],
    [
      "added groups",
      "app:app",
      ["wheel", "77", "keep-groups"],
      { uid: 1000, gid: 1000, additionalGids: [10, 77], name: "app", home: "/home/app" },
    ],
    [
      "a home that is none",
      "nohome",
      [],
      { uid: 1005, gid: 1005, additionalGids: [], name: "nohome", home: "/" },
    ],
    [
      "the largest id",
      "4294967294:4294967294",
      [],
      { uid: 4294967294, gid: 4294967294, additionalGids: [], name: null, home: "/" },
    ],
  ])("finds %s", (_, text, groups, expected) => {
    expect(resolveUser(text, passwd, group, groups)).toEqual(expected);
  });

  test.each([
    ["nobody-here", "no user"],
    ["app:nogroup", "no group"],
    ["4294967296", "out of range"],
    ["4294967295", "out of range"],
    ["-1", "out of range"],
    ["1000:4294967296", "out of range"],
    ["99999999999999999999", "out of range"],
    ["a:b:c", "must be USER"],
    ["app\n", "must be USER"],
    ["wide", "no user"],
    ["1e3", "no user"],
    ["0x0", "no user"],
    [" 0", "no user"],
  ])("refuses %j", (text, message) => {
    expect(() => resolveUser(text, passwd, group)).toThrow(message);
  });

  test("knows root without any files", () => {
    expect(resolveUser("root:root", "", "")).toEqual({
      uid: 0,
      gid: 0,
      additionalGids: [],
      name: null,
      home: "/",
    });
  });
});

test.each([
  ["0", 0],
  ["4294967294", 4294967294],
  ["4294967295", undefined],
  ["", undefined],
  ["+1", undefined],
  ["1 ", undefined],
  ["٣", undefined],
])("parseId(%j) is %p", (text, expected) => {
  expect(parseId(text)).toBe(expected);
});

test("parsePasswd() and parseGroup() pass over what is no entry", () => {
  expect(parsePasswd("::::::\nx:y:z\r\nok:x:5:6::/h:/s\r\n")).toEqual([
    { name: "ok", uid: 5, gid: 6, home: "/h" },
  ]);
  expect(parseGroup("bad:x:one:\nok:x:7:a,,b")).toEqual([
    { name: "ok", gid: 7, members: ["a", "b"] },
  ]);
});
