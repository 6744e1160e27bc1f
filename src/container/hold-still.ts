/**
 * Holding a container's processes still for as long as something looks at its files. A child of ours
 * lets them go on when we are done or dead: it waits for the end of a pipe that only we hold open.
 */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getContainer } from "../records/containers.ts";
import { callRuntime, mustCallRuntime } from "../runtime/oci-runtime.ts";
import { callerEnvironment } from "../system/userns.ts";
import { ownCommand } from "./own-command.ts";
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
  const child = Bun.spawn(ownCommand(host, "__hold", container.id), {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", ...callerEnvironment() },
    stdio: ["pipe", "pipe", "inherit"],
    detached: true, // Ctrl-C at the terminal must not reach it
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
