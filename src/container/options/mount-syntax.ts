/** The texts of `-v`, `--mount` and `--tmpfs`, as docker-run(1) and podman-run(1) describe them. */
import { resolve } from "node:path";
import { flagSwitch } from "../../option.ts";
import type { Mount, Propagation } from "../spec.ts";
import { containerPath } from "./declare.ts";

const propagations: readonly string[] = [
  "private",
  "rprivate",
  "shared",
  "rshared",
  "slave",
  "rslave",
  "unbindable",
  "runbindable",
];
const plainOptions = ["exec", "noexec", "dev", "nodev", "suid", "nosuid"];
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

type Bind = Extract<Mount, { kind: "bind" }>;
type Volume = Extract<Mount, { kind: "volume" }>;

function bind(source: string, target: string): Bind {
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
    createsSource: true,
    subpath: null,
  };
}

function volume(name: string | null, target: string): Volume {
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
  for (const word of third?.split(",") ?? []) applyVolumeOption(mount, word);
  return mount;
}

function mountTarget(text: string): string {
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
  if (/^(upperdir|workdir)=/.test(word))
    throw new Error(`${word}: overlay directories of one's own are not supported`);
  throw new Error(`unknown option "${word}"`);
}

/** A line of comma-separated values; quotes keep commas (RFC 4180). */
export function splitCsv(text: string): string[] {
  const fields: string[] = [];
  let field = "";
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '"' && text[at + 1] === '"') {
      field += '"';
      at++;
    } else if (character === '"') isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) {
      fields.push(field);
      field = "";
    } else field += character;
  }
  if (isQuoted) throw new Error("a quote is not closed");
  return [...fields, field];
}

/** `type=TYPE,KEY=VALUE…`. */
export function parseMount(text: string): Mount {
  const pairs = splitCsv(text).map((field): [string, string | undefined] => {
    const at = field.indexOf("=");
    return at < 0 ? [field.trim(), undefined] : [field.slice(0, at).trim(), field.slice(at + 1)];
  });
  const type = pairs.find(([key]) => key === "type")?.[1] ?? "volume";
  const of = (...keys: string[]) => pairs.find(([key]) => keys.includes(key))?.[1];
  const target = of("target", "dst", "destination");
  if (target === undefined || target === "") throw new Error("has no target");
  const source = of("source", "src");
  const mount = emptyMount(type, source, mountTarget(target));
  for (const [key, value] of pairs) {
    if (["type", "target", "dst", "destination", "source", "src"].includes(key)) continue;
    if (!applyMountKey(mount, key, value))
      throw new Error(`unknown key "${key}" for a mount of type ${type}`);
  }
  return mount;
}

function emptyMount(type: string, source: string | undefined, target: string): Mount {
  const common = { target, readOnly: false, options: [] };
  switch (type) {
    case "bind":
      if (source === undefined || source === "") throw new Error("has no source");
      return { ...bind(resolve(source), target), createsSource: false };
    case "volume":
      if (source !== undefined && source !== "" && !volumeName.test(source))
        throw new Error(`"${source}" is no name for a volume`);
      return volume(source === "" ? null : (source ?? null), target);
    case "tmpfs":
    case "ramfs":
    case "devpts":
      if (source !== undefined) throw new Error(`a mount of type ${type} has no source`);
      return { ...common, kind: type, copiesUp: type === "tmpfs" };
    case "image":
      if (source === undefined || source === "") throw new Error("has no source");
      return { ...common, kind: "image", image: source, readOnly: true, subpath: null };
    case "glob":
      throw new Error("mounts of type glob are not supported yet: name each path");
    default:
      throw new Error(`unknown type "${type}" (bind, volume, tmpfs, image, devpts, ramfs)`);
  }
}

/** A bare key of a switch means true. */
const isOn = (value: string | undefined) => value === undefined || flagSwitch.parse(value);

/** False when this kind of mount has no such key. */
function applyMountKey(mount: Mount, key: string, value: string | undefined): boolean {
  if (key === "ro" || key === "readonly") {
    mount.readOnly = isOn(value);
    if (mount.kind === "image" && !mount.readOnly) throw new Error("image mounts are read-only");
    return true;
  }
  if (key === "rw" || key === "readwrite") {
    mount.readOnly = !isOn(value);
    if (mount.kind === "image" && !mount.readOnly) throw new Error("image mounts are read-only");
    return true;
  }
  if (plainOptions.includes(key) && value === undefined) {
    mount.options.push(key);
    return true;
  }
  if (key === "consistency") return true; // as in applyVolumeOption
  switch (mount.kind) {
    case "bind":
      return applyBindKey(mount, key, value);
    case "volume":
      return applyVolumeKey(mount, key, value);
    case "image":
      if (key !== "subpath" && key !== "image-subpath") return false;
      mount.subpath = value ?? "";
      return true;
    default:
      return applyMemoryKey(mount, key, value);
  }
}

function applyBindKey(mount: Bind, key: string, value: string | undefined): boolean {
  switch (key) {
    case "bind-propagation":
    case "propagation":
      if (value === undefined || !propagations.includes(value))
        throw new Error(`unknown propagation "${value}" (${propagations.join(", ")})`);
      mount.propagation = value as Propagation;
      return true;
    case "bind-nonrecursive":
      mount.isRecursive = !isOn(value);
      return true;
    case "bind-recursive":
      mount.isRecursive = value !== "disabled";
      return true;
    case "relabel":
      if (value !== "shared" && value !== "private")
        throw new Error("relabel is shared or private");
      mount.relabel = value;
      return true;
    case "chown":
    case "U":
      mount.changesOwner = isOn(value);
      return true;
    case "idmap":
      mount.idmap = value ?? "";
      return true;
    case "subpath":
    case "bind-subpath":
      mount.subpath = value ?? "";
      return true;
    default:
      return false;
  }
}

function applyVolumeKey(mount: Volume, key: string, value: string | undefined): boolean {
  const pair = () => {
    const at = (value ?? "").indexOf("=");
    if (at <= 0) throw new Error(`${key} must be KEY=VALUE`);
    return [(value ?? "").slice(0, at), (value ?? "").slice(at + 1)] as const;
  };
  switch (key) {
    case "volume-nocopy":
    case "nocopy":
      mount.copiesUp = !isOn(value);
      return true;
    case "chown":
    case "U":
      mount.changesOwner = isOn(value);
      return true;
    case "idmap":
      mount.idmap = value ?? "";
      return true;
    case "subpath":
    case "volume-subpath":
      mount.subpath = value ?? "";
      return true;
    case "volume-label": {
      const [name, text] = pair();
      mount.labels[name] = text;
      return true;
    }
    case "volume-opt": {
      const [name, text] = pair();
      mount.driverOptions[name] = text;
      return true;
    }
    case "volume-driver":
      if (value !== "local") throw new Error(`there is no volume driver "${value}", only local`);
      mount.driver = value;
      return true;
    default:
      return false;
  }
}

function applyMemoryKey(
  mount: Extract<Mount, { kind: "tmpfs" | "ramfs" | "devpts" }>,
  key: string,
  value: string | undefined,
): boolean {
  const number = (pattern: RegExp, name: string) => {
    if (value === undefined || !pattern.test(value)) throw new Error(`"${value}" is no ${name}`);
    mount.options.push(`${name}=${value}`);
    return true;
  };
  switch (key) {
    case "tmpfs-size":
    case "size":
      return mount.kind !== "devpts" && number(/^\d+[kmgKMG%]?b?$/, "size");
    case "tmpfs-mode":
    case "mode":
      return number(/^[0-7]{1,4}$/, "mode");
    case "uid":
    case "gid":
      return mount.kind !== "ramfs" && number(/^\d+$/, key);
    case "max":
      return mount.kind === "devpts" && number(/^\d+$/, key);
    case "tmpcopyup":
    case "notmpcopyup":
      if (mount.kind !== "tmpfs") return false;
      mount.copiesUp = key === "tmpcopyup" && isOn(value);
      return true;
    default:
      return false;
  }
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
      /^(size|nr_inodes|nr_blocks|mode|uid|gid|huge|mpol)=[\w%:.-]+$/.test(word) ||
      [...propagations, "noatime", "relatime", "U"].includes(word)
    )
      mount.options.push(word);
    else throw new Error(`unknown option "${word}"`);
  }
  return mount;
}
