/** Options of the local driver: what is mounted in a volume (docker-volume-create(1), podman-volume-create(1)). */
import { CooperError, messageOf } from "../errors.ts";
import { byteSize, integer } from "../option.ts";
import type { QuotaLimits } from "../system/quota.ts";

/** What mount(8) is told. */
export interface VolumeMount {
  /** null: mount(8) decides, as for `o=bind`. */
  readonly type: string | null;
  readonly device: string;
  readonly options: readonly string[];
}

type Options = Readonly<Record<string, string>>;

const known = ["type", "device", "o", "size", "inodes", "copy", "nocopy"];

/** Refuses what the driver does not know, before anything is made. */
export function checkDriverOptions(name: string, options: Options): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  const refuse = (why: string, hint?: string) => {
    throw new CooperError("invalid-argument", `volume ${name}: ${why}`, {
      ...(hint !== undefined && { hint }),
    });
  };
  if (unknown !== undefined)
    refuse(`the local driver has no option "${unknown}"`, `it has type, device, o and size`);
  const mount = volumeMount(options);
  const isTmpfs = options.type === "tmpfs";
  try {
    if (mount === undefined) quotaOf(options);
  } catch (error) {
    refuse(messageOf(error));
  }
  if (mount === undefined) return;
  if ((options.size ?? options.inodes) !== undefined && !isTmpfs)
    refuse("only a tmpfs and a plain directory can have a size");
  if (/^-|[\0\n]/.test(mount.type ?? "") || /^-|[\0\n]/.test(mount.device))
    refuse("type and device cannot begin with -");
  if (isBind(mount) && !mount.device.startsWith("/"))
    refuse("a bind needs the absolute path of a directory as its device");
  if (!isTmpfs && mount.device === "") refuse("a type without a device mounts nothing");
}

/** What is to be mounted; undefined for a plain directory. */
export function volumeMount(options: Options): VolumeMount | undefined {
  const words = (options.o ?? "").split(",").filter((word) => word !== "");
  const type = options.type === undefined || options.type === "" ? null : options.type;
  const device = options.device ?? "";
  if (type === null && device === "" && words.every((word) => plainWord.test(word)))
    return undefined;
  if (/^nfs4?$/.test(type ?? "")) return nfsMount(type, device, words);
  const limits = type === "tmpfs" ? tmpfsLimits(options) : [];
  return {
    type: type === "bind" ? "none" : type,
    device: device === "" && type === "tmpfs" ? "tmpfs" : device,
    options: [...(type === "bind" && !words.some(isBindWord) ? ["bind"] : []), ...words, ...limits],
  };
}

/** What `o=` says of a plain directory. */
const plainWord = /^(uid|gid|size|inodes)=/;

/** docker-volume-create(1) has the host in `o=addr=` and `:/path` as the device; mount.nfs(8) wants both in one. */
function nfsMount(type: string | null, device: string, words: readonly string[]): VolumeMount {
  const address = words.find((word) => word.startsWith("addr="))?.slice("addr=".length);
  if (address === undefined || !device.startsWith(":")) return { type, device, options: words };
  const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
  return {
    type,
    device: `${host}${device}`,
    options: words.filter((word) => !word.startsWith("addr=")),
  };
}

/** What mount(8) is told to mount it there. */
export function mountArgs({ type, device, options }: VolumeMount, directory: string): string[] {
  return [
    ...(type === null ? [] : ["-t", type]),
    ...(options.length === 0 ? [] : ["-o", options.join(",")]),
    "--",
    device,
    directory,
  ];
}

/**
 * What a plain directory may take (podman-volume-create(1), `o=size=`, `o=inodes=`); undefined: no limit.
 *
 * @throws Error for what is no size or number
 */
export function quotaOf(options: Options): QuotaLimits | undefined {
  const words = (options.o ?? "").split(",");
  const find = (key: string) =>
    options[key] ?? words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const [size, inodes] = [find("size"), find("inodes")];
  if (size === undefined && inodes === undefined) return undefined;
  return {
    bytes: size === undefined ? null : byteSize.parse(size),
    inodes: inodes === undefined ? null : integer.parse(inodes),
  };
}

function tmpfsLimits({ size, inodes }: Options): string[] {
  return [
    ...(size === undefined ? [] : [`size=${size}`]),
    ...(inodes === undefined ? [] : [`nr_inodes=${inodes}`]),
  ];
}

const isBindWord = (word: string) => word === "bind" || word === "rbind";

/** Whether it shows a directory of the host. */
export function isBind({ options }: VolumeMount): boolean {
  return options.some(isBindWord);
}

/** The owner that `o=uid=…,gid=…` gives a plain directory. */
export function ownerOf(options: Options): { uid?: number; gid?: number } {
  const owner: { uid?: number; gid?: number } = {};
  for (const word of (options.o ?? "").split(",")) {
    const [, key, id] = /^(uid|gid)=(\d+)$/.exec(word) ?? [];
    if (key !== undefined) owner[key as "uid" | "gid"] = Number(id);
  }
  return owner;
}
