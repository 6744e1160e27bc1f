import { expect, test } from "bun:test";
import { sshCommand } from "./ssh.ts";
import { parseTarget } from "./target.ts";

const commandOf = (url: string, identity: string | null = null) => {
  const target = parseTarget(url, { tls: null, identity });
  return target.kind === "ssh" ? sshCommand(target) : [];
};

test("sshCommand() names user, port and key, and the host behind them", () => {
  const words = commandOf("ssh://me@box:2222", "/k").slice(3);
  expect(words.slice(0, -1)).toEqual(
    "ssh -T -o ConnectTimeout=30 -l me -p 2222 -i /k -- box".split(" "),
  );
  expect(words.at(-1)).toContain("exec docker system dial-stdio");
});

test("sshCommand() leads to a socket over there", () => {
  const command = commandOf("ssh://box/run/user/1000/podman/podman.sock").at(-1);
  expect(command).toContain(
    "exec podman --url unix:///run/user/1000/podman/podman.sock system dial-stdio",
  );
});
