/** `--debug-shell`: a shell where a step failed, with the files as it left them, and all that it saw. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runSession } from "../../container/attach.ts";
import { createContainer } from "../../container/create.ts";
import type { ContainerSpec } from "../../container/spec.ts";
import { startLocked } from "../../container/start.ts";
import { invariant } from "../../errors.ts";
import type { RunStep } from "../graph.ts";
import type { BuildSession } from "../session.ts";
import { stepContainerName } from "./left-containers.ts";
import { stepImage } from "./run.ts";

interface Place {
  /** What the step stood on, topmost first. */
  readonly lower: readonly string[];
  /** Its changes. */
  readonly upper: string;
  readonly hiddenEnv: readonly string[];
}

/** The shell that the step was for, or else the usual one. */
export function shellOf({ argv }: Pick<RunStep, "argv">): string {
  const [first = "", second] = argv;
  return argv.length === 3 && second === "-c" ? first : "/bin/sh";
}

/** Stays until the shell ends. What is changed in it goes with it. */
export async function openDebugShell(
  session: BuildSession,
  step: RunStep,
  spec: ContainerSpec,
  { lower, upper, hiddenEnv }: Place,
): Promise<void> {
  const { host } = session;
  const shell = shellOf(step);
  const named: ContainerSpec = {
    ...structuredClone(spec),
    name: stepContainerName(session),
    command: [shell],
    hasTty: true,
    hasStdin: true,
    log: { driver: "none", options: {} },
  };
  const directories = [upper, ...lower];
  if (lower.length === 0) {
    // an overlay has at least two
    const empty = join(session.stage.next("layer"), "empty");
    mkdirSync(empty, { recursive: true, mode: 0o755 });
    directories.push(empty);
  }
  const container = await createContainer(host, named, stepImage, {
    createCommand: [],
    replaces: false,
    cidFile: null,
    buildDirectories: directories,
  });
  try {
    const { socket } = await (async () => {
      using _lock = await host.locks.container(container.id);
      return startLocked(host, container, { isForeground: true, attaches: true, hiddenEnv });
    })();
    invariant(socket !== null, "a shell without streams");
    await runSession(host, container.id, socket, {
      stdin: true,
      stdout: true,
      stderr: true,
      detachKeys: "",
      passesSignals: false,
    });
  } finally {
    const { removeContainer } = await import("../../container/remove.ts");
    await removeContainer(host, container.id, { force: true, volumes: true, graceSeconds: 0 });
  }
}
