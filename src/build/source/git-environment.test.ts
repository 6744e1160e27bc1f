import { describe, expect, test } from "bun:test";
import { parseGitRemote } from "./git-address.ts";
import { authSecrets, type GitAccess, remoteGitEnv } from "./git-environment.ts";
import { redactUrls } from "./url-text.ts";

const around = {
  env: {
    PATH: "/bin",
    GIT_DIR: "/x",
    GIT_SSH_COMMAND: "evil",
    GIT_CONFIG_COUNT: "1",
    LD_PRELOAD: "x",
    SSH_AUTH_SOCK: "/agent",
    https_proxy: "http://proxy",
  },
  home: "/home/it's",
  sshFiles: ["config", "id_ed25519"],
};
const stranger: GitAccess = { isOwn: false, agent: null, authorization: null, mayAsk: true };

describe("remoteGitEnv()", () => {
  test("hands on nothing that steers git, ssh or the linker", () => {
    const env = remoteGitEnv(parseGitRemote("https://h/x.git"), stranger, around);
    expect(env).toMatchObject({
      PATH: "/bin",
      https_proxy: "http://proxy",
      GIT_ALLOW_PROTOCOL: "https",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
    });
    for (const name of ["GIT_DIR", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "LD_PRELOAD"])
      expect(env).not.toHaveProperty(name);
    expect(env).not.toHaveProperty("SSH_AUTH_SOCK");
  });

  test("lets the caller's settings hold where he typed the address", () => {
    const env = remoteGitEnv(parseGitRemote("https://h/x"), { ...stranger, isOwn: true }, around);
    expect(env).not.toHaveProperty("GIT_CONFIG_GLOBAL");
    expect(env.GIT_TERMINAL_PROMPT).toBe("1");
  });

  test("shows keys and settings of ssh to no host that a Dockerfile names", () => {
    const remote = parseGitRemote("git@h:x");
    const theirs = remoteGitEnv(remote, { ...stranger, agent: "/a" }, around).GIT_SSH_COMMAND;
    expect(theirs).toStartWith("'ssh' '-F' 'none'");
    expect(theirs).toContain("'IdentityAgent=/a' '-o' 'IdentityFile=none' '-o' 'BatchMode=yes'");
    const own = remoteGitEnv(remote, { ...stranger, isOwn: true }, around).GIT_SSH_COMMAND;
    expect(own).toContain(`'-F' '/home/it'\\''s/.ssh/config'`);
    expect(own).toContain(`'IdentityFile=/home/it'\\''s/.ssh/id_ed25519' '-o' 'BatchMode=no'`);
  });

  test("hands over a header for one host alone, which no redirect takes along", () => {
    const access = { ...stranger, authorization: "basic abc" };
    expect(remoteGitEnv(parseGitRemote("https://h:8/x"), access, around)).toMatchObject({
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "http.https://h:8/.extraHeader",
      GIT_CONFIG_VALUE_0: "Authorization: basic abc",
      GIT_CONFIG_KEY_1: "http.followRedirects",
      GIT_CONFIG_VALUE_1: "false",
    });
    expect(remoteGitEnv(parseGitRemote("git://h/x"), access, around)).not.toHaveProperty(
      "GIT_CONFIG_COUNT",
    );
  });
});

test("authSecrets() asks for those of the host first", () => {
  expect(authSecrets("h").map(({ id }) => id)).toEqual([
    "GIT_AUTH_HEADER.h",
    "GIT_AUTH_TOKEN.h",
    "GIT_AUTH_HEADER",
    "GIT_AUTH_TOKEN",
  ]);
});

describe("redactUrls()", () => {
  test.each([
    ["ADD https://u:p@h/x /y", "ADD https://xxxxx@h/x /y"],
    ["https://token@h/x", "https://xxxxx@h/x"],
    ["https://u:p@ss@h/x", "https://xxxxx@h/x"],
    ["ssh://git@h/x", "ssh://git@h/x"],
    ["ssh://git:p@h/x", "ssh://git:xxxxx@h/x"],
    ["https://h/x@y git@h:z", "https://h/x@y git@h:z"],
    ["a https://a:b@c/ b https://d:e@f/", "a https://xxxxx@c/ b https://xxxxx@f/"],
  ])("makes of %s", (text, expected) => {
    expect(redactUrls(text)).toBe(expected);
  });
});
