/** `RUN --mount=…`: what is there while a command runs, and not after it (Dockerfile reference, "RUN --mount"). */
import { nearest } from "../../nearest.ts";
import { byteSize } from "../../option.ts";

interface Targeted {
  /** Absolute, or relative to the working directory. */
  readonly target: string;
}

export interface BindMount extends Targeted {
  readonly kind: "bind";
  /** A stage, an image or a named context; null: the build context. */
  readonly from: string | null;
  readonly source: string;
  /** What is written goes nowhere. */
  readonly isWritable: boolean;
}

export interface CacheMount extends Targeted {
  readonly kind: "cache";
  /** null: the target names it. */
  readonly id: string | null;
  /** Where a new one gets its first contents from. */
  readonly from: string | null;
  readonly source: string;
  readonly isReadOnly: boolean;
  readonly sharing: "shared" | "private" | "locked";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface TmpfsMount extends Targeted {
  readonly kind: "tmpfs";
  readonly sizeBytes: number | null;
  readonly mode: number | null;
}

/** A file that is shown to the command, and kept nowhere. */
export interface SecretMount {
  readonly kind: "secret" | "ssh";
  readonly id: string;
  /** null: the default place; with `env` alone there is no file. */
  readonly target: string | null;
  /** The variable that holds the secret. */
  readonly env: string | null;
  readonly isRequired: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type RunMount = BindMount | CacheMount | TmpfsMount | SecretMount;

/** Keys by type; aliases are written as what they mean. */
const keysOf = {
  bind: ["target", "source", "from", "rw"],
  cache: ["id", "target", "source", "from", "rw", "sharing", "mode", "uid", "gid"],
  tmpfs: ["target", "size", "mode"],
  secret: ["id", "target", "env", "required", "mode", "uid", "gid"],
  ssh: ["id", "target", "required", "mode", "uid", "gid"],
} as const;

type Kind = keyof typeof keysOf;

const aliases: Readonly<Record<string, string>> = {
  dst: "target",
  destination: "target",
  src: "source",
  readonly: "ro",
  readwrite: "rw",
  "tmpfs-size": "size",
  "tmpfs-mode": "mode",
};

/** Keys of Podman that name what a build here never does: labels, changes of owner, propagation to the host. */
const refused = ["z", "Z", "U", "relabel", "bind-propagation", "bind-nonrecursive", "tmpcopyup"];

/** @throws Error that says what is wrong */
export function parseRunMount(text: string): RunMount {
  const values = readKeys(text);
  const kind = kindOf(values.get("type") ?? "bind");
  values.delete("type");
  const known: readonly string[] = keysOf[kind];
  if (values.has("ro") && known.includes("rw")) {
    values.set("rw", `${!flag("readonly", values.get("ro") ?? "")}`);
    values.delete("ro");
  }
  for (const key of values.keys()) if (!known.includes(key)) throw unknownKey(kind, key);
  const get = (key: string) => values.get(key) ?? null;
  if (kind === "secret" || kind === "ssh") return secret(kind, get);
  const target = get("target");
  if (target === null || target === "") throw new Error(`target is required for a ${kind} mount`);
  if (kind === "bind") {
    const [from, source] = [get("from"), get("source") ?? "/"];
    return { kind, target, from, source, isWritable: flag("rw", get("rw") ?? "false") };
  }
  if (kind === "tmpfs") {
    const [size, mode] = [get("size"), get("mode")];
    return {
      kind,
      target,
      sizeBytes: size === null ? null : byteSize.parse(size),
      mode: mode === null ? null : octal(mode),
    };
  }
  return {
    kind,
    target,
    id: get("id"),
    from: get("from"),
    source: get("source") ?? "/",
    isReadOnly: !flag("rw", get("rw") ?? "true"),
    sharing: sharingOf(get("sharing") ?? "shared"),
    mode: octal(get("mode") ?? "0755"),
    uid: id("uid", get("uid")),
    gid: id("gid", get("gid")),
  };
}

function readKeys(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const field of csvFields(text)) {
    const equals = field.indexOf("=");
    const typed = equals < 0 ? field : field.slice(0, equals);
    if (refused.includes(typed))
      throw new Error(`${typed} is not supported: a build changes nothing of what it is shown`);
    const lower = typed.toLowerCase();
    const key = aliases[lower] ?? lower;
    if (values.has(key)) throw new Error(`${typed} is given twice`);
    const isSwitch = ["ro", "rw", "required"].includes(key);
    if (equals < 0 && !isSwitch) throw new Error(`${typed} needs a value: ${typed}=…`);
    values.set(key, equals < 0 ? "true" : field.slice(equals + 1));
  }
  return values;
}

/** RFC 4180, as Docker reads it: a quote around a field keeps its commas. */
function csvFields(text: string): string[] {
  const fields = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return fields
    .map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "")
    .filter((field) => field !== "");
}

function kindOf(text: string): Kind {
  const found = (Object.keys(keysOf) as Kind[]).find((kind) => kind === text.toLowerCase());
  if (found === undefined)
    throw new Error(`unknown mount type: ${text}${meant(text, Object.keys(keysOf))}`);
  return found;
}

function secret(kind: "secret" | "ssh", get: (key: string) => string | null): SecretMount {
  const [given, target, env] = [get("id"), get("target"), get("env")];
  const id_ = given ?? (kind === "ssh" ? "default" : (target ?? "").split("/").at(-1)) ?? "";
  if (id_ === "") throw new Error("id or target is required for a secret mount");
  return {
    kind,
    id: id_,
    target,
    env,
    isRequired: flag("required", get("required") ?? "false"),
    mode: octal(get("mode") ?? (kind === "ssh" ? "0600" : "0400")),
    uid: id("uid", get("uid")),
    gid: id("gid", get("gid")),
  };
}

function sharingOf(text: string): CacheMount["sharing"] {
  const words = ["shared", "private", "locked"] as const;
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Error(`unknown sharing: ${text}${meant(text, words)}`);
  return found;
}

function flag(key: string, text: string): boolean {
  if (["true", "1"].includes(text.toLowerCase())) return true;
  if (["false", "0"].includes(text.toLowerCase())) return false;
  throw new Error(`${key}=${text} is neither true nor false`);
}

function octal(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text)) throw new Error(`mode ${text} is no octal number`);
  return Number.parseInt(text, 8) & 0o7777;
}

function id(key: string, text: string | null): number {
  if (text === null) return 0;
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 0xffffffff)
    throw new Error(`${key}=${text} is no id`);
  return Number(text);
}

function unknownKey(kind: Kind, key: string): Error {
  if (key === "ro") return new Error(`readonly is not allowed for a ${kind} mount`);
  return new Error(`unexpected key '${key}' for a ${kind} mount${meant(key, keysOf[kind])}`);
}

function meant(typed: string, names: readonly string[]): string {
  const near = nearest(typed, names);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}
