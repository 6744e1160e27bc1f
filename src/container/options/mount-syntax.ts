/** The texts of `-v` and `--tmpfs`, as docker-run(1) and podman-run(1) describe them. */
import { resolve } from "node:path";
import type { Mount, Propagation } from "../spec.ts";
import { containerPath } from "./declare.ts";

/** mount_namespaces(7). */
export const propagations: readonly string[] = [
  "private",
  "rprivate",
  "shared",
  "rshared",
  "slave",
  "rslave",
  "unbindable",
  "runbindable",
];
/** Options of mount(8) that are words of their own. */
export const plainOptions = ["exec", "noexec", "dev", "nodev", "suid", "nosuid"];
/** What is no path. */
export const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** A directory or file of the host. */
export type Bind = Extract<Mount, { kind: "bind" }>;
/** A directory that outlives its containers. */
export type Volume = Extract<Mount, { kind: "volume" }>;

/** One in which nothing else was asked. */
export function bind(source: string, target: string): Bind {
  return {
    kind: "bind",
    source,
    target,
    readOnly: false,
    options: [],
    propagation: null,
    isRecursive: true,
    changesOwner: false,
    relabel: null,
    idmap: null,
    isOverlay: false,
    overlay: null,
    createsSource: true,
    subpath: null,
  };
}

/** One in which nothing else was asked. */
export function volume(name: string | null, target: string): Volume {
  return {
    kind: "volume",
    name,
    target,
    readOnly: false,
    options: [],
    copiesUp: true,
    changesOwner: false,
    driver: null,
    driverOptions: {},
    labels: {},
    isOverlay: false,
    overlay: null,
    idmap: null,
    subpath: null,
  };
}

/** `[SOURCE:]TARGET[:OPTIONS]`. A source with a slash (or `.`, `~` is the shell's) is a path of the host. */
export function parseVolume(text: string): Mount {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((part) => part === ""))
    throw new Error("must be [SOURCE:]TARGET[:OPTIONS]");
  const [first = "", second, third] = parts;
  if (second === undefined) return volume(null, mountTarget(first));
  const isPath = first.startsWith("/") || first.startsWith(".");
  if (!isPath && !volumeName.test(first)) {
    throw new Error(`"${first}" is no name for a volume; a path begins with / or ./`);
  }
  const mount = isPath
    ? bind(resolve(first), mountTarget(second))
    : volume(first, mountTarget(second));
  const words = third?.split(",") ?? [];
  if (words.includes("ro") && words.includes("rw")) throw new Error("ro and rw exclude each other");
  for (const word of words) applyVolumeOption(mount, word);
  if (mount.overlay !== null) checkOverlay(mount);
  return mount;
}

/** overlayfs wants both, on one file system. */
function checkOverlay({ isOverlay, overlay }: Bind | Volume): void {
  if (!isOverlay) throw new Error("upperdir and workdir need the option O");
  if (overlay?.upper === "" || overlay?.work === "")
    throw new Error("upperdir and workdir need each other");
}

/** An absolute path other than the root. */
export function mountTarget(text: string): string {
  const target = containerPath(text);
  if (target === "/") throw new Error("cannot mount on /");
  return target;
}

function applyVolumeOption(mount: Bind | Volume, word: string): void {
  const setPropagation = (value: string) => {
    if (mount.kind !== "bind") throw new Error(`${word} is for paths of the host`);
    mount.propagation = value as Propagation;
  };
  if (propagations.includes(word)) return setPropagation(word);
  if (plainOptions.includes(word)) {
    mount.options.push(word);
    return;
  }
  switch (word) {
    case "rw":
      mount.readOnly = false;
      return;
    case "ro":
      mount.readOnly = true;
      return;
    case "U":
      mount.changesOwner = true;
      return;
    case "z":
    case "Z":
      if (mount.kind === "bind") mount.relabel = word === "z" ? "shared" : "private";
      return;
    case "O":
      mount.isOverlay = true;
      return;
    case "bind":
    case "rbind":
      if (mount.kind === "bind") mount.isRecursive = word === "rbind";
      return;
    case "copy":
    case "nocopy":
      if (mount.kind !== "volume") throw new Error(`${word} is for volumes`);
      mount.copiesUp = word === "copy";
      return;
    case "cached":
    case "delegated":
    case "consistent":
      return; // hints for Docker Desktop's file sharing; a mount of this kernel is always consistent
  }
  if (word === "idmap" || word.startsWith("idmap=")) {
    mount.idmap = word.slice("idmap=".length);
    return;
  }
  const [, part, directory] = /^(upperdir|workdir)=(\/.+)$/.exec(word) ?? [];
  if (directory !== undefined) {
    mount.overlay ??= { upper: "", work: "" };
    mount.overlay[part === "upperdir" ? "upper" : "work"] = directory;
    return;
  }
  throw new Error(`unknown option "${word}"`);
}

/** `TARGET[:OPTIONS]` with options of tmpfs(5). */
export function parseTmpfs(text: string): Mount {
  const colon = text.indexOf(":");
  const target = mountTarget(colon < 0 ? text : text.slice(0, colon));
  const words =
    colon < 0
      ? []
      : text
          .slice(colon + 1)
          .split(",")
          .filter((word) => word !== "");
  const mount = {
    kind: "tmpfs" as const,
    target,
    readOnly: false,
    options: [] as string[],
    copiesUp: true,
  };
  for (const word of words) {
    if (word === "ro" || word === "rw") mount.readOnly = word === "ro";
    else if (word === "tmpcopyup" || word === "notmpcopyup") mount.copiesUp = word === "tmpcopyup";
    else if (
      plainOptions.includes(word) ||
      /^(size|nr_blocks|nr_inodes)=\d+[kmgtpe%]?$/i.test(word) ||
      /^mode=[0-7]{1,4}$/.test(word) ||
      /^[ug]id=\d+$/.test(word) ||
      /^(huge|mpol)=[\w:=,-]+$/.test(word) ||
      [...propagations, "noatime", "relatime", "U"].includes(word)
    )
      mount.options.push(word);
    else throw new Error(`unknown option "${word}"`);
  }
  return mount;
}
