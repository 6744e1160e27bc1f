/** How ssh is asked for the streams of an engine elsewhere. Pure. */
import type { Target } from "./target.ts";

/**
 * Whichever of the three the host has leads to its own socket, or to the one that is named. (`ssh -W` carries no sockets
 * but those of TCP, and `-L` would leave one of ours behind when we are killed.)
 */
function dial(path: string | null): string {
  // the URL's grammar lets nothing in that a shell would read otherwise
  const at = (flag: string) => (path === null ? "" : ` ${flag} unix://${path}`);
  const engines = [`cooper${at("--host")}`, `docker${at("--host")}`, `podman${at("--url")}`];
  const lines = engines.map((words) => {
    const name = words.split(" ", 1)[0];
    return `command -v ${name} >/dev/null 2>&1 && exec ${words} system dial-stdio; `;
  });
  return `${lines.join("")}echo no cooper, docker or podman in PATH >&2; exit 127`;
}

/**
 * The command. Ctrl-C is for the container: the signal that the terminal sends to all must not end ssh, which
 * leaves signals alone that are ignored when it starts. It still asks for passphrases at the terminal.
 */
export function sshCommand(target: Extract<Target, { kind: "ssh" }>): string[] {
  const { user, host, port, path, identity } = target;
  return [
    "sh",
    "-c",
    'trap "" INT QUIT; exec ssh "$@"',
    "ssh",
    "-T",
    ...["-o", "ConnectTimeout=30"],
    ...(user === null ? [] : ["-l", user]),
    ...(port === null ? [] : ["-p", `${port}`]),
    ...(identity === null ? [] : ["-i", identity]),
    ...["--", host, `sh -c '${dial(path)}'`],
  ];
}
