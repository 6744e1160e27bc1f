/** Containers of builds that were killed: they are named after the stage, whose lock tells whether the build lives. */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { stageLock } from "../../image/stage.ts";
import { stepContainers } from "../../records/build-cache.ts";
import { tryLock } from "../../system/lock.ts";
import { randomHex } from "../../system/random.ts";
import type { BuildSession } from "../session.ts";

/** A name for a container of this build. */
export const stepContainerName = ({ stage }: BuildSession) =>
  `build-${basename(stage.directory)}-${randomHex(3)}`;

/** Ends and removes those whose build is dead. */
export async function removeLeftContainers(host: Host): Promise<void> {
  for (const name of stepContainers(host.database)) {
    const stage = /^build-([0-9a-f]{16})-/.exec(name)?.[1];
    if (stage === undefined) continue;
    const lockFile = stageLock(join(host.paths.staging, stage));
    using held = tryLock(lockFile, "exclusive");
    if (held === undefined) continue;
    const { removeContainer } = await import("../../container/remove.ts");
    try {
      await removeContainer(host, name, { force: true, volumes: true, graceSeconds: 0 });
    } catch (error) {
      // another build was faster
      if (!(error instanceof CooperError && error.code === "no-such-container")) throw error;
    }
    rmSync(lockFile, { force: true });
  }
}
