/**
 * Holding a container's processes still for as long as something looks at its files. A child of ours
 * lets them go on when we are dead: it waits for the end of a pipe that only we hold open. Where the
 * container has a cgroup of its own we freeze it ourselves, and do not wait for the child, which costs
 * as much as starting us; else the runtime knows how, and the child does all of it.
 */
import { CooperError, messageOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { ownCommand } from "../own-command.ts";
import { getContainer } from "../records/containers.ts";
import { callRuntime, mustCallRuntime } from "../runtime/oci-runtime.ts";
import { freeze, freezerOf, thaw } from "../system/freezer.ts";
import { callerEnvironment } from "../system/userns.ts";
import type { ContainerRecord } from "./record.ts";
import { chooseRuntime } from "./runtime-choice.ts";

/**
 * Freezes a running container until it is disposed. The caller holds the container's lock.
 *
 * @param wanted null: where it is possible; true: not being able to is an error
 */
export async function holdStill(
  host: Host,
  container: ContainerRecord,
  wanted: boolean | null,
): Promise<AsyncDisposable | null> {
  if (wanted === false || container.intent === "paused") return null;
  const { cgroupManager } = container.resolved;
  if (host.isRootless && cgroupManager === "cgroupfs" && !host.canLimit) {
    if (wanted === null) return null;
    throw new CooperError(
      "not-supported",
      `cannot pause container ${container.name}: without systemd an ordinary user has no cgroup to freeze`,
      { hint: "commit it without --pause" },
    );
  }
  const directory = freezerOf(container.pid, container.id);
  const held = directory === undefined ? null : await freezeDirectly(host, directory);
  return held ?? (await freezeByChild(host, container, wanted));
}

/** What a child of ours gets that must outlive us. */
const childOptions = () =>
  ({
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", ...callerEnvironment() },
    detached: true, // Ctrl-C at the terminal must not reach it
  }) as const;

/** null: they do not stop. */
async function freezeDirectly(host: Host, directory: string): Promise<AsyncDisposable | null> {
  const child = Bun.spawn(ownCommand(host, "__thaw", directory), {
    ...childOptions(),
    stdio: ["pipe", "ignore", "inherit"],
  });
  const letGo = async () => {
    thaw(directory);
    // told, it does nothing: by the time it hears of us, somebody may have paused the container
    child.stdin.write("done");
    await child.stdin.end();
    child.unref();
  };
  try {
    if (await freeze(directory)) return { [Symbol.asyncDispose]: letGo };
  } catch (error) {
    host.debug(`the cgroup ${directory} cannot be frozen: ${messageOf(error)}`);
  }
  await letGo();
  return null;
}

/** The child's part: thaws the cgroup when `input` ends without a word. */
export async function thawAfterEnd(
  directory: string,
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const word of input) if (word.length > 0) return;
  thaw(directory);
}

async function freezeByChild(
  host: Host,
  container: ContainerRecord,
  wanted: boolean | null,
): Promise<AsyncDisposable | null> {
  const child = Bun.spawn(ownCommand(host, "__hold", container.id), {
    ...childOptions(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) {
    if (wanted === null) return null; // it has told why on stderr
    throw new CooperError("helper-failed", `cannot pause container ${container.name}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      await child.stdin.end();
      await child.exited;
    },
  };
}

/**
 * The child's part: freezes the container, tells so by `onHeld`, and lets it go when `standard input`
 * ends. It takes no lock: its parent has it.
 */
export async function holdUntilEnd(
  host: Host,
  id: string,
  input: AsyncIterable<unknown>,
  onHeld: () => void,
): Promise<void> {
  const container = getContainer(host.database, id);
  if (container === undefined) return;
  const runtime = await chooseRuntime(host, container);
  mustCallRuntime(runtime, ["pause", id]);
  try {
    onHeld();
    for await (const _ of input); // nobody writes anything: this waits for the end
  } finally {
    callRuntime(runtime, ["resume", id]); // one that was killed meanwhile cannot go on, and need not
  }
}
