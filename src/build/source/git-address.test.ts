import { describe, expect, test } from "bun:test";
import { isGitAddress, parseGitAddress, parseGitRemote, resolveGitRemote } from "./git-address.ts";

describe("isGitAddress()", () => {
  test.each([
    ["https://example.com/x.git", true],
    ["https://example.com/x.git#main:sub", true],
    ["https://example.com/x.git?branch=a", true],
    ["http://example.com/x.tar.gz", false],
    ["https://example.com/x?y=.git", false],
    ["git://example.com/x", true],
    ["ssh://git@example.com/x", true],
    ["git@example.com:x/y", true],
    ["file:///srv/x", true],
    ["git@-x:y", false],
    ["a.txt", false],
    ["./git@host:x", false],
    ["ext::sh -c x", false],
  ])("of %s is %p", (text, expected) => {
    expect(isGitAddress(text)).toBe(expected);
  });
});

describe("parseGitAddress()", () => {
  const facts = (text: string) => {
    const { remote, ...rest } = parseGitAddress(text);
    return { url: remote.url, ...rest };
  };
  const nothing = {
    ref: null,
    subdir: "",
    checksum: null,
    keepsGitDir: null,
    withSubmodules: true,
  };

  test.each([
    ["https://h/x.git", {}],
    ["https://h/x.git#v1", { ref: "v1" }],
    ["https://h/x.git#v1:a/b/", { ref: "v1", subdir: "a/b" }],
    ["https://h/x.git#:/a", { subdir: "a" }],
    ["https://h/x.git#feature/one", { ref: "feature/one" }],
    ["https://h/x.git?tag=v1", { ref: "refs/tags/v1" }],
    ["https://h/x.git?branch=b&subdir=s", { ref: "refs/heads/b", subdir: "s" }],
    ["https://h/x.git?ref=refs/pull/1/head", { ref: "refs/pull/1/head" }],
    ["https://h/x.git?checksum=abcdef1", { ref: "abcdef1", checksum: "abcdef1" }],
    ["https://h/x.git?submodules=false&keep-git-dir", { withSubmodules: false, keepsGitDir: true }],
  ])("reads %s", (text, expected) => {
    expect(facts(text)).toEqual({ url: "https://h/x.git", ...nothing, ...expected });
  });

  test.each([
    ["https://h/x.git#-x", "is no name of a ref"],
    ["https://h/x.git#a..b", "is no name of a ref"],
    ["https://h/x.git#a b", "is no name of a ref"],
    ["https://h/x.git#HEAD^{/x}", "is no name of a ref"],
    ["https://h/x.git#main:a/../../b", "leads out of the repository"],
    ["https://h/x.git#main:%2e%2e", "leads out of the repository"],
    ["https://h/x.git?tag=a&branch=b", "branch conflicts with tag"],
    ["https://h/x.git?ref=a#b", "ref conflicts: b and a"],
    ["https://h/x.git?ref=a&ref=b", "has multiple values"],
    ["https://h/x.git?ref=", "has no value"],
    ["https://h/x.git?checksum=zz", "is no id of a commit"],
    ["https://h/x.git?depth=1", 'unexpected query "depth"'],
    ["https://h/x.git?submodules=2", 'invalid submodules value: "2"'],
  ])("refuses %s: %s", (text, why) => {
    expect(() => parseGitAddress(text)).toThrow(why);
  });
});

describe("parseGitRemote()", () => {
  test.each([
    ["https://u:p@h/x.git", "https://h/x.git", "u:p"],
    ["https://token@h:8443/x.git", "https://h:8443/x.git", "token:"],
    ["https://u%40d:p%3A@h/x", "https://h/x", "u@d:p:"],
    ["ssh://git@h:22/x", "ssh://git@h:22/x", null],
    ["git@h:~/x", "git@h:~/x", null],
    ["git+ssh://h/x", "ssh://h/x", null],
    ["git://h/x", "git://h/x", null],
    ["file://localhost/x", "file:///x", null],
  ])("takes the credentials out of %s", (text, url, credentials) => {
    expect(parseGitRemote(text)).toMatchObject({ url, credentials });
  });

  test.each([
    "ext::sh -c x",
    "ext::sh",
    "fd::3",
    "https::ext::x",
    "-x",
    "--upload-pack=x",
    "ftp://h/x",
    "https://h",
    "https://h/\nx",
    "ssh://-oProxyCommand=x/y",
    "ssh://%2DoProxyCommand=x/y",
    "ssh://-u@h/y",
    "ssh://h/-y",
    "git@h:-y",
    "file://other/x",
    "/srv/x",
    "../x",
  ])("refuses %p", (text) => {
    expect(() => parseGitRemote(text)).toThrow("invalid git repository");
  });

  test("tells no password where it refuses", () => {
    expect(() => parseGitAddress("https://u:secret@h/x.git#-x")).toThrow("https://xxxxx@h/x.git");
  });
});

describe("resolveGitRemote()", () => {
  test.each([
    ["https://h/a/b.git", "../c.git", "https://h/a/c.git"],
    ["https://h/a/b.git", "./c", "https://h/a/b.git/c"],
    ["https://h/a.git", "../../../c", "https://h/c"],
    ["git@h:a/b.git", "../c.git", "git@h:a/c.git"],
    ["ssh://git@h:2/a/b", "../c", "ssh://git@h:2/a/c"],
    ["https://h/a.git", "https://other/c.git", "https://other/c.git"],
  ])("of %s, %s is %s", (parent, text, url) => {
    expect(resolveGitRemote(parseGitRemote(parent), text).url).toBe(url);
  });

  test("shows the parent's credentials to no other host", () => {
    const parent = parseGitRemote("https://u:p@h/a.git");
    expect(resolveGitRemote(parent, "../b.git").credentials).toBe("u:p");
    expect(resolveGitRemote(parent, "https://other/b.git").credentials).toBe(null);
  });
});
