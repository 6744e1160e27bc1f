/** `volume rm`: a volume, and with force the ended containers that use it. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getContainer } from "../records/containers.ts";
import { resolveVolume, usersOfVolume } from "../records/volumes.ts";
import { withBallast } from "../system/ballast.ts";
import { removeVolumeIfUnused, sweepVolumes } from "../volume/removal.ts";
import { isAlive } from "./live-state.ts";
import { removeContainer } from "./remove.ts";

export interface RemoveVolumeOptions {
  /**
   * Containers that use it and do not run go too, as with podman-volume-rm(1). One that runs still keeps
   * it: to Docker's users `-f` only means that a missing volume is no error, and it must not cost them a
   * running database.
   */
  readonly force: boolean;
}

/** Removes a volume by name. Resolves to the whole name. */
export async function removeVolume(
  host: Host,
  nameOrPrefix: string,
  options: RemoveVolumeOptions,
): Promise<string> {
  sweepVolumes(host); // one of that name may be what somebody who was killed was removing
  const { name } = resolveVolume(host.database, nameOrPrefix);
  const users = usersOfVolume(host.database, name).flatMap(
    (id) => getContainer(host.database, id) ?? [],
  );
  const running = users.filter(isAlive);
  const inTheWay = options.force ? running : users;
  if (inTheWay.length > 0) throw inUse(name, inTheWay, running.length > 0);
  for (const { id } of users)
    await removeContainer(host, id, { force: false, volumes: false, graceSeconds: null });
  if (!(await withBallast(host.paths.ballast, () => removeVolumeIfUnused(host, name))))
    throw new CooperError("conflict", `volume ${name} was taken into use meanwhile`);
  return name;
}

function inUse(name: string, users: readonly { name: string }[], runs: boolean): CooperError {
  const names = users.slice(0, 5).map((user) => user.name);
  const more = users.length > 5 ? ` and ${users.length - 5} more` : "";
  return new CooperError(
    "conflict",
    `volume ${name} is in use by the container${users.length > 1 ? "s" : ""} ${names.join(", ")}${more}`,
    {
      hint: `remove ${users.length > 1 ? "them" : "it"} first: cooper rm ${runs ? "-f " : ""}${names.join(" ")}`,
    },
  );
}
