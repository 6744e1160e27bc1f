/**
 * The user namespace of a container for which an ordinary user asked for none. Where a directory of the
 * caller's is mounted and the container's user is not root, that user becomes the caller outside, so that
 * it can write there and what it writes belongs to whoever called. A volume that was filled like that
 * remembers it, and has the same effect. In every other case root inside is the caller, as ever.
 */
import { existsSync, statSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { getVolume } from "../records/volumes.ts";
import { idCount } from "../system/own-limits.ts";
import { readInRoot } from "../system/rooted.ts";
import { isPristine } from "../volume/volume.ts";
import { resolveUser } from "./identity.ts";
import type { ConfiguredSpec, Mount, UserNamespaceMode } from "./spec.ts";

/** What decides: where something is mounted from, and whose that is in the engine's own namespace. */
export interface MountedPlace {
  /** As the user knows it. */
  readonly name: string;
  /** Whether the container's user is to be the caller there; undefined: it makes no difference. */
  readonly wants: boolean | undefined;
}

/**
 * Pure: the place for whose sake ids are exchanged; undefined where they stay as they are. One that has
 * files of other ids decides against it, since they would be a stranger's then.
 */
export function placeThatDecides(places: readonly MountedPlace[]): MountedPlace | undefined {
  if (places.some(({ wants }) => wants === false)) return undefined;
  return places.find(({ wants }) => wants === true);
}

/**
 * The mode for a spec, whose volumes are there already; null where nothing is to be chosen.
 *
 * @param layers of its image, lowest first
 */
export function chosenUserns(
  host: Host,
  spec: ConfiguredSpec,
  imageUser: string,
  layers: readonly string[],
): UserNamespaceMode | null {
  const hasPlace = spec.mounts.some(({ kind }) => kind === "bind" || kind === "volume");
  if (!host.isRootless || !hasPlace || isAnswered(spec) || idCount("uid_map") <= 1) return null;
  const user = userIn(host, spec, imageUser, layers);
  if (user === undefined || user.uid === 0) return null;
  const places = placesOf(host, spec.mounts, user);
  const place = placeThatDecides(places);
  const who = user.name === null ? `${user.uid}` : `${user.name} (${user.uid})`;
  if (place === undefined) {
    const [wanted] = places.filter(({ wants }) => wants === true);
    const [other] = places.filter(({ wants }) => wants === false);
    if (wanted !== undefined && other !== undefined) {
      host.warn(
        `${wanted.name} is the caller's, and user ${who} cannot write there, since ${other.name} has files of other ids (--userns keep-id:uid=${user.uid},gid=${user.gid} leaves these to others)`,
      );
    }
    return null;
  }
  const reason = `${place.name} is the caller's, and the container's user is ${who}`;
  return { kind: "keep-id", uid: user.uid, gid: user.gid, size: null, reason };
}

/** Whether somebody has said what it is to be, or namespaces are joined that belong to another one. */
function isAnswered(spec: ConfiguredSpec): boolean {
  const { pid, ipc, uts, cgroup, networking } = spec;
  const isJoined = [pid, ipc, uts, cgroup, networking.mode].some(
    (mode) => mode?.kind === "container" || mode?.kind === "path",
  );
  return (
    spec.userns !== null ||
    spec.uidMappings.length > 0 ||
    spec.gidMappings.length > 0 ||
    spec.subuidName !== null ||
    spec.subgidName !== null ||
    spec.rootfs !== null ||
    isJoined ||
    ipc.kind === "host"
  );
}

/** Undefined where the image does not know it: the start tells about that. */
function userIn(
  host: Host,
  spec: ConfiguredSpec,
  imageUser: string,
  layers: readonly string[],
): ReturnType<typeof resolveUser> | undefined {
  const text = spec.user ?? imageUser;
  if (/^(?:0|root)?(?::|$)/.test(text)) return undefined;
  try {
    const read = (path: string) => topmost(host, layers, path);
    return resolveUser(text, read("/etc/passwd"), read("/etc/group"));
  } catch (error) {
    if (error instanceof CooperError && error.code === "invalid-argument") return undefined;
    throw error;
  }
}

/** Of the uppermost layer that has the file. */
function topmost(host: Host, layers: readonly string[], path: string): string {
  for (const id of layers.toReversed()) {
    const text = readInRoot(host.paths.layer(id).diff, path);
    if (text !== undefined) return text;
  }
  return "";
}

function placesOf(
  host: Host,
  mounts: readonly Mount[],
  user: { readonly uid: number; readonly gid: number },
): MountedPlace[] {
  return mounts.flatMap((mount) => {
    if (mount.kind === "bind") {
      const { source, changesOwner, isOverlay, idmap, readOnly } = mount;
      if (changesOwner || isOverlay || idmap !== null) return []; // these have an answer of their own
      // one that is missing is made, and then it is the caller's
      const owner = existsSync(source) ? ownerOf(source) : 0;
      return [{ name: source, wants: owner === 0 && readOnly ? undefined : wantsExchange(owner) }];
    }
    if (mount.kind !== "volume" || mount.name === null || mount.changesOwner) return [];
    const { name } = mount;
    const directory = host.paths.volume(name);
    // an empty one gets its owners from the image, or is given to root
    if (!existsSync(directory) || isPristine(directory)) return [];
    const callerAs = getVolume(host.database, name)?.callerAs;
    if (callerAs !== undefined)
      return [
        { name: `volume ${name}`, wants: callerAs.uid === user.uid && callerAs.gid === user.gid },
      ];
    const isRoots = wantsExchange(ownerOf(directory)) !== false;
    return isRoots ? [] : [{ name: `volume ${name}`, wants: false }];
  });
}

/** By who has it: 0 is the caller, and from 1 on come the subordinate ids. */
function wantsExchange(owner: number | undefined): boolean | undefined {
  if (owner === 0) return true;
  // 1 is root of a container whose ids were exchanged
  return owner === undefined || owner === 1 || owner === overflowUid ? undefined : false;
}

/** Stands for all that is not mapped, such as root's; and is what else nobody has (proc(5), overflowuid). */
const overflowUid = 65534;

/** Undefined where we may not even look. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined; // the start complains, in words that name the mount
  }
}
