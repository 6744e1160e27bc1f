/** The process that answers for names: started with the first entry, told of each change, ended with the last. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import {
  type Daemon,
  daemonPid,
  daemonWords,
  endDaemon,
  helperEnvironment,
} from "../system/daemon.ts";
import { argvIn, spawnIn } from "../system/netns.ts";
import { sendSignal } from "../system/process.ts";
import { needProgram } from "../system/program.ts";

/** Where names are kept and answered. */
export interface NamesPlace {
  /** The network namespace with the bridges; null: ours. */
  readonly where: string | null;
  /** A file a network, by its id, and the server's pid file. */
  readonly directory: string;
  /** The port that the server listens on. */
  readonly port: number;
}

const pidFile = "aardvark.pid";
const networkFile = /^[0-9a-f]{64}$/;

const server = ({ directory }: NamesPlace): Daemon => ({
  pidFile: join(directory, pidFile),
  mark: directory,
});

/** Whether the server runs. When it does not, its files may be of another time. */
export function isServing(place: NamesPlace): boolean {
  return daemonPid(server(place)) !== undefined;
}

/** A network's file as it is. */
export function readNames(place: NamesPlace, networkId: string): string | undefined {
  try {
    return readFileSync(join(place.directory, networkId), "utf8");
  } catch {
    return undefined; // nobody is in it
  }
}

/** The networks that have a file. */
export function namedNetworks(place: NamesPlace): string[] {
  try {
    return readdirSync(place.directory).filter((name) => networkFile.test(name));
  } catch {
    return []; // no directory yet
  }
}

/**
 * Writes files, and has the server read them: started where it does not run, ended when none is left. The
 * caller holds the lock of the names. Resolves to whether the server has left another port for `place.port`.
 *
 * @param files the new text by network id; undefined removes a file
 * @param options.always the server reads all anew though no file has changed: the host's resolvers, too
 */
export async function publishNames(
  place: NamesPlace,
  files: ReadonlyMap<string, string | undefined>,
  { always = false }: { readonly always?: boolean } = {},
): Promise<boolean> {
  mkdirSync(place.directory, { recursive: true, mode: 0o700 });
  let isChanged = always;
  for (const [networkId, text] of files) {
    if (readNames(place, networkId) === text) continue;
    isChanged = true;
    const file = join(place.directory, networkId);
    if (text === undefined) {
      rmSync(file, { force: true });
    } else {
      // the server must not read half a file, nor take another name in its directory for a network
      const staged = `${place.directory}.new`;
      writeFileSync(staged, text, { mode: 0o600 });
      renameSync(staged, file);
    }
  }
  const isMoved = !listensOn(place);
  if (isMoved) await endDaemon(server(place));
  const pid = daemonPid(server(place));
  if (namedNetworks(place).length === 0) {
    // told of an empty directory it would end as well, but some time later
    await endDaemon(server(place));
    return isMoved;
  }
  if (pid === undefined) {
    await endDaemon(server(place)); // one that is being killed has the addresses until it is dead
    await startServer(place);
  } else if (isChanged) sendSignal(pid, 1);
  if (pid === undefined || isChanged) await awaitListening(place, [...files.values()]);
  return isMoved;
}

/** Whether a server that runs was told of this port, and not started when another was configured. */
function listensOn(place: NamesPlace): boolean {
  const words = daemonWords(server(place));
  return words.length === 0 || words[words.indexOf("--port") + 1] === `${place.port}`;
}

/** Waits until the server listens where the first lines say: it does not tell that it could not. */
async function awaitListening(
  place: NamesPlace,
  files: readonly (string | undefined)[],
): Promise<void> {
  const wanted = files.flatMap((text = "") =>
    (text.split(/[ \n]/, 1)[0] ?? "").split(",").filter((address) => /^[\d.]+$/.test(address)),
  );
  const deadline = performance.now() + 2000;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const sockets = udpSockets(place.where);
    const missing = wanted.find((address) => !sockets.includes(socketText(address, place.port)));
    if (missing === undefined) return;
    if (performance.now() > deadline) {
      throw new CooperError(
        "conflict",
        `the names service cannot listen on ${missing}:${place.port}: somebody else has the port`,
        {
          hint: `see who: ss -lunp 'sport = :${place.port}'; or set dns_bind_port in containers.conf, or make the network with --disable-dns`,
        },
      );
    }
    await Bun.sleep(pause);
  }
}

/** As /proc/net/udp spells it (proc(5)): the address as one little-endian number. */
function socketText(address: string, port: number): string {
  const bytes = Buffer.from(address.split(".").map(Number)).reverse();
  return ` ${bytes.toString("hex")}:${port.toString(16).padStart(4, "0")} `.toUpperCase();
}

function udpSockets(where: string | null): string {
  if (where === null) return readFileSync("/proc/net/udp", "utf8");
  const argv = [...argvIn(where), "cat", "/proc/net/udp"];
  return Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "ignore"] }).stdout.toString();
}

/** It goes to the background once it listens. */
async function startServer(place: NamesPlace): Promise<void> {
  rmSync(join(place.directory, pidFile), { force: true });
  const argv = [
    needProgram("aardvark-dns"),
    "--config",
    place.directory,
    "--port",
    `${place.port}`,
    "run",
  ];
  const child = spawnIn(place.where, (before) =>
    Bun.spawn([...before, ...argv], {
      cwd: "/",
      env: helperEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
  const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode === 0) return;
  const said = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes("syslog"))
    .slice(-2)
    .join("; ");
  throw new CooperError("helper-failed", `aardvark-dns: ${said || `exit status ${exitCode}`}`);
}
