/** SSH agents that a build hands on: the caller's, or one of the build's own that holds the keys he names. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import type { Stage } from "../../image/stage.ts";
import { needProgram } from "../../system/program.ts";
import { randomHex } from "../../system/random.ts";

/** What `--ssh ID=…` names: a socket, or files with keys. */
export interface AgentRequest {
  readonly id: string;
  readonly paths: readonly string[];
}

/** Sockets by id; what was started for them ends when it is disposed. */
export interface OpenAgents extends AsyncDisposable {
  readonly sockets: ReadonlyMap<string, string>;
}

const startMs = 5000;

/** @throws CooperError that names what is not there */
export async function openAgents(
  host: Host,
  stage: Stage,
  requests: readonly AgentRequest[],
): Promise<OpenAgents> {
  await using started = new AsyncDisposableStack();
  const sockets = new Map<string, string>();
  for (const { id, paths } of requests) {
    if (sockets.has(id))
      throw new CooperError("invalid-argument", `--ssh: the id ${id} is given twice`);
    const socket = paths.find(isSocket);
    if (socket === undefined) sockets.set(id, await startAgent(host, stage, id, paths, started));
    else if (paths.length === 1) sockets.set(id, resolve(socket));
    else
      throw new CooperError("invalid-argument", `--ssh ${id}: an agent's socket stands alone`, {
        hint: "give either one socket, or files with keys",
      });
  }
  const held = started.move();
  return { sockets, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const isSocket = (path: string) => statSync(path, { throwIfNoEntry: false })?.isSocket() === true;

/** The agent ends with the command that it was started for, which ends when our end of its input is gone. */
async function startAgent(
  { paths: { buildSecrets } }: Host,
  stage: Stage,
  id: string,
  keys: readonly string[],
  started: AsyncDisposableStack,
): Promise<string> {
  for (const key of keys)
    if (statSync(key, { throwIfNoEntry: false })?.isFile() !== true)
      throw new CooperError("no-such-object", `--ssh ${id}: there is no key or socket ${key}`);
  const directory = join(buildSecrets, `${basename(stage.directory)}-${randomHex(4)}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  started.defer(() => rmSync(directory, { recursive: true, force: true }));
  const socket = join(directory, "agent");
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" };
  const child = Bun.spawn([needProgram("ssh-agent"), "-a", socket, "cat"], {
    cwd: "/",
    env,
    stdio: ["pipe", "ignore", "pipe"],
  });
  started.defer(async () => {
    const agent = childrenOf(child.pid);
    await child.stdin.end();
    await child.exited;
    for (const pid of agent) endProcess(pid); // else it looks only every ten seconds
  });
  for (const end = Date.now() + startMs; !existsSync(socket); await Bun.sleep(2)) {
    if (child.exitCode === null && Date.now() < end) continue;
    if (child.exitCode === null) child.kill();
    const why = (await new Response(child.stderr).text()).trim();
    throw new CooperError("helper-failed", `ssh-agent does not start: ${why}`);
  }
  await addKeys(id, keys, { ...env, SSH_AUTH_SOCK: socket });
  return socket;
}

/** ssh-add asks for a passphrase itself, at the terminal. */
async function addKeys(
  id: string,
  keys: readonly string[],
  env: Record<string, string>,
): Promise<void> {
  const until = Date.now() + startMs;
  for (;;) {
    const { status, complaint } = await runSshAdd(keys, env);
    if (status === 0) return;
    // the socket is there a moment before anybody listens
    if (status === noAgent && Date.now() < until) {
      await Bun.sleep(5);
      continue;
    }
    const lines = complaint.split("\n").filter((line) => !/^[@\s]*$/.test(line));
    const why = lines
      .map((line) => line.trim())
      .slice(0, 2)
      .join(" ");
    throw new CooperError(
      "invalid-argument",
      `--ssh ${id}: a key cannot be used: ${why || "it asks for a passphrase"}`,
      {
        hint: "load it into an agent of yours, and hand that over: ssh-add FILE, then --ssh default",
      },
    );
  }
}

/** ssh-add(1), "EXIT STATUS": it cannot reach the agent. */
const noAgent = 2;

async function runSshAdd(
  keys: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly status: number; readonly complaint: string }> {
  const files = keys.map((key) => resolve(key));
  const adding = Bun.spawn([needProgram("ssh-add"), "-q", "--", ...files], {
    cwd: "/",
    env: { ...env, SSH_ASKPASS_REQUIRE: "never" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const complaint = await new Response(adding.stderr).text();
  return { status: await adding.exited, complaint };
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return text
      .split(" ")
      .map(Number)
      .filter((child) => child > 0);
  } catch {
    return []; // it has ended, and the agent ends too
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // it was faster
  }
}
