/** `container clone`: a new container with the settings of another, and the files of its image. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { changeSpec, findContainerByName, resolveContainer } from "../records/containers.ts";
import { attachmentsOf } from "../records/networks.ts";
import { type ContainerImage, createContainer } from "./create.ts";
import { forkedSpec } from "./forked-spec.ts";
import { isAlive } from "./live-state.ts";
import type { ContainerRecord } from "./record.ts";
import { removeContainer } from "./remove.ts";
import type { ConfiguredSpec, ContainerSpec } from "./spec.ts";
import { startContainer } from "./start.ts";
import { changedResources } from "./update.ts";

export interface CloneOptions {
  /** null: that of the original with `-clone`. */
  readonly name: string | null;
  /** Its limits go before those of the original. */
  readonly limits: ContainerSpec;
  /** Instead of the original's. */
  readonly image: ContainerImage | null;
  /** The original is removed, and what can be there only once passes to the clone. */
  readonly destroys: boolean;
  /** With destroys: also one that runs. */
  readonly force: boolean;
  readonly starts: boolean;
  /** The words of the command line, for inspect. */
  readonly createCommand: readonly string[];
}

/** Makes it, removes the original where that was asked, and starts it where that was. */
export async function cloneContainer(
  host: Host,
  nameOrId: string,
  options: CloneOptions,
): Promise<ContainerRecord> {
  const original = resolveContainer(host.database, nameOrId);
  if (options.destroys && !options.force && isAlive(original)) {
    throw new CooperError("wrong-state", `cannot remove container ${nameOrId}: it is running`, {
      hint: "stop it first, or add --force",
    });
  }
  const spec = specOfClone(host, original, options);
  const clone = await createContainer(host, spec, options.image ?? imageOf(original), {
    createCommand: options.createCommand,
    replaces: false,
    cidFile: null,
  });
  if (options.destroys) {
    passVolumes(host, original, clone);
    const { force } = options;
    await removeContainer(host, original.id, { force, volumes: false, graceSeconds: null });
  }
  if (options.starts) await startContainer(host, clone.id, { isForeground: false });
  return clone;
}

function specOfClone(
  host: Host,
  original: ContainerRecord,
  { name, limits, image, destroys }: CloneOptions,
): ConfiguredSpec {
  const now = withNetworks(host, original);
  const spec = destroys
    ? structuredClone(now)
    : forkedSpec(now, { name, ports: now.networking.ports, anonymous: anonymousTargets(original) });
  return {
    ...spec,
    name: name ?? freeName(host, `${original.name}-clone`),
    ...(image !== null && { image: image.name }),
    resources: { ...spec.resources, ...changedResources(limits.resources) },
  };
}

/** Where volumes are mounted that have no name of their own. */
function anonymousTargets({ resolved }: ContainerRecord): ReadonlySet<string> {
  return new Set(resolved.volumes.flatMap((one) => (one.isAnonymous ? [one.target] : [])));
}

/** Volumes without a name of their own stay such: they go with the container that takes the place of another. */
export function passVolumes(host: Host, from: ContainerRecord, to: ContainerRecord): void {
  const own = new Set(from.resolved.volumes.flatMap((one) => (one.isAnonymous ? one.name : [])));
  const volumes = to.resolved.volumes.map((one) => ({
    ...one,
    isAnonymous: one.isAnonymous || own.has(one.name),
  }));
  changeSpec(host.database, to.id, { spec: to.spec, resolved: { ...to.resolved, volumes } });
}

/** As it was asked, but in the networks that it has been put into since. */
export function withNetworks(host: Host, { id, spec, resolved }: ContainerRecord): ConfiguredSpec {
  if (resolved.networkMode !== "bridge") return spec;
  const networks = attachmentsOf(host.database, id).map(
    ({ networkName, addresses, mac, aliases, interfaceName, hostInterfaceName, options }) => ({
      name: networkName,
      addresses: [...addresses],
      macAddress: mac,
      aliases: [...aliases],
      interfaceName,
      hostInterfaceName,
      options: { ...options },
    }),
  );
  const networking = { ...spec.networking, networks, addresses: [], macAddress: null, aliases: [] };
  return { ...spec, networking };
}

/** The image that a container was made of, whatever its name leads to now; null with --rootfs. */
export function imageOf({ imageId, resolved }: ContainerRecord): ContainerImage | null {
  const { imageName, imageDigest, imageConfig, layers } = resolved;
  if (imageId === null || imageConfig === null) return null;
  return { id: imageId, name: imageName, digest: imageDigest, config: imageConfig, layers };
}

function freeName(host: Host, wanted: string): string {
  for (let number = 0; ; number++) {
    const name = number === 0 ? wanted : `${wanted}${number}`;
    if (findContainerByName(host.database, name) === undefined) return name;
  }
}
