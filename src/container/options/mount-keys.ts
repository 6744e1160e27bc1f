/** The text of `--mount`, as docker-run(1) and podman-run(1) describe it. */
import { basename, resolve } from "node:path";
import { flagSwitch } from "../../option.ts";
import type { Mount, Propagation } from "../spec.ts";
import {
  type Bind,
  bind,
  mountTarget,
  plainOptions,
  propagations,
  type Volume,
  volume,
  volumeName,
} from "./mount-syntax.ts";

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

/** `type=TYPE,KEY=VALUE…`: one mount, with `type=glob` one for each path of the host that matches. */
export function parseMount(text: string): Mount[] {
  const pairs = splitCsv(text).map((field): [string, string | undefined] => {
    const at = field.indexOf("=");
    return at < 0 ? [field.trim(), undefined] : [field.slice(0, at).trim(), field.slice(at + 1)];
  });
  const type = pairs.find(([key]) => key === "type")?.[1] ?? "volume";
  const of = (...keys: string[]) => pairs.find(([key]) => keys.includes(key))?.[1];
  const target = of("target", "dst", "destination");
  const source = of("source", "src");
  const isGlob = type === "glob";
  if ((target === undefined && !isGlob) || target === "") throw new Error("has no target");
  const mount = emptyMount(isGlob ? "bind" : type, source, mountTarget(target ?? "/-"));
  for (const [key, value] of pairs) {
    if (["type", "target", "dst", "destination", "source", "src"].includes(key)) continue;
    if (!applyMountKey(mount, key, value))
      throw new Error(`unknown key "${key}" for a mount of type ${type}`);
  }
  return isGlob && mount.kind === "bind" ? expandGlob(mount, target ?? null) : [mount];
}

/** Each below the target by its last name; without a target at its own path (podman-run(1), "type=glob"). */
function expandGlob(mount: Bind, target: string | null): Mount[] {
  const paths = [
    ...new Bun.Glob(mount.source.slice(1)).scanSync({ cwd: "/", onlyFiles: false, dot: true }),
  ].sort();
  if (paths.length === 0) throw new Error(`nothing matches ${mount.source}`);
  return paths.map((path) => ({
    ...mount,
    source: `/${path}`,
    target: target === null ? `/${path}` : mountTarget(`${target}/${basename(path)}`),
  }));
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
    default:
      throw new Error(`unknown type "${type}" (bind, glob, volume, tmpfs, image, devpts, ramfs)`);
  }
}

/** A bare key of a switch means true. */
const isOn = (value: string | undefined) => value === undefined || flagSwitch.parse(value);

/** False when this kind of mount has no such key. */
function applyMountKey(mount: Mount, key: string, value: string | undefined): boolean {
  if (key === "ro" || key === "readonly") {
    mount.readOnly = isOn(value);
    return true;
  }
  if (key === "rw" || key === "readwrite") {
    mount.readOnly = !isOn(value);
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
    case "tree":
      return false; // not to be asked for on a command line
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
      if (value === undefined || !["enabled", "disabled", "writable", "readonly"].includes(value))
        throw new Error(`${key} is enabled, disabled, writable or readonly`);
      mount.isRecursive = value !== "disabled";
      if (value === "readonly") mount.options.push("rro");
      return true;
    case "bind-create-src":
      mount.createsSource = isOn(value);
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
