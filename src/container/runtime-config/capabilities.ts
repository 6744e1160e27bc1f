/** Which capabilities a container's process gets (capabilities(7)). */
import { CooperError } from "../../errors.ts";
import type { CapabilitySets } from "../../oci/runtime-spec.ts";
import type { RuntimeInput } from "./input.ts";

/** All that Linux has, in the order of their numbers. */
export const allCapabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

const known = new Set<string>(allCapabilities);

/** The names behind a bit mask of /proc/PID/status (`CapBnd`), given in hexadecimal. */
export function capabilitiesOfMask(hex: string): string[] {
  const mask = BigInt(`0x${hex}`);
  return allCapabilities.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

/** `net_raw`, `NET_RAW` and `CAP_NET_RAW` are the same; `ALL` stays. */
export function normalizeCapability(text: string): string {
  const upper = text.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (known.has(name)) return name;
  throw new CooperError("invalid-argument", `unknown capability "${text}"`, {
    hint: "man 7 capabilities lists them",
  });
}

/**
 * Defaults, and what was added and dropped. `--cap-drop ALL` starts from nothing, `--cap-add ALL` from
 * all that can be given; one that is both added and dropped is an error.
 */
export function mergeCapabilities(
  defaults: readonly string[],
  added: readonly string[],
  dropped: readonly string[],
  possible: readonly string[],
): string[] {
  const add = new Set(added.map(normalizeCapability));
  const drop = new Set(dropped.map(normalizeCapability));
  const both = [...add].find((name) => drop.has(name));
  if (both !== undefined) {
    throw new CooperError("invalid-argument", `capability ${both} is both added and dropped`);
  }
  const base = drop.has("ALL") ? [] : add.has("ALL") ? possible : defaults.map(normalizeCapability);
  const merged = new Set(base);
  for (const name of add) if (name !== "ALL") merged.add(name);
  // `--cap-drop ALL` has emptied the base already; what was added by name stays
  for (const name of drop) merged.delete(name);
  return [...merged].sort();
}

/** Decides the five sets of the container's own process. */
export function capabilitySets(input: RuntimeInput, warnings: string[]): CapabilitySets {
  const { spec, settings, user, engineCapabilities } = input;
  if (spec.isPrivileged) return setsFor(user.uid, [...engineCapabilities], givenTo(input));
  const possible = new Set(engineCapabilities);
  const merged = mergeCapabilities(
    settings.defaultCapabilities,
    spec.capAdd,
    spec.capDrop,
    engineCapabilities,
  );
  for (const name of spec.capAdd.map(normalizeCapability)) {
    if (name !== "ALL" && !possible.has(name)) {
      warnings.push(`capability ${name} cannot be given: cooper does not have it itself`);
    }
  }
  const bounding = limitedByImage(
    input,
    merged.filter((name) => possible.has(name)),
    warnings,
  );
  return setsFor(
    user.uid,
    bounding,
    givenTo(input).filter((name) => bounding.includes(name)),
  );
}

/** What `--cap-add` asks for by name, as far as it can be given. */
function givenTo({ spec, engineCapabilities }: RuntimeInput): string[] {
  const possible = new Set(engineCapabilities);
  return mergeCapabilities([], spec.capAdd, [], engineCapabilities).filter((name) =>
    possible.has(name),
  );
}

/**
 * Root has its whole bounding set. Anyone else has what was added by name, which only the ambient set
 * carries over an execve(2); the inheritable set is empty otherwise (CVE-2022-24769).
 */
function setsFor(
  uid: number,
  bounding: readonly string[],
  added: readonly string[],
): CapabilitySets {
  if (uid === 0)
    return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] };
  return { bounding, effective: added, permitted: added, inheritable: added, ambient: added };
}

/** An image may say that it needs less (podman-run(1), `io.containers.capabilities`); never more. */
function limitedByImage(
  { spec, image }: RuntimeInput,
  allowed: string[],
  warnings: string[],
): string[] {
  const label = "io.containers.capabilities";
  const text = spec.labels[label] ?? image?.config?.Labels?.[label];
  if (text === undefined) return allowed;
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const wanted = names.flatMap((name) => {
    const full = name.toUpperCase().startsWith("CAP_")
      ? name.toUpperCase()
      : `CAP_${name.toUpperCase()}`;
    return known.has(full) ? [full] : [];
  });
  const refused = wanted.filter((name) => !allowed.includes(name));
  if (wanted.length === names.length && refused.length === 0) return [...new Set(wanted)].sort();
  warnings.push(`the label ${label} asks for capabilities that are not allowed; it is ignored`);
  return allowed;
}

/** The sets of one more process in a container whose own process has `container`. */
export function execCapabilities(
  container: CapabilitySets,
  options: {
    readonly uid: number;
    /** Whether it runs as the same user as the container's own process. */
    readonly isSameUser: boolean;
    /** With --privileged: all that can be given. */
    readonly privileged: readonly string[] | null;
  },
): CapabilitySets {
  const bounding = options.privileged ?? container.bounding;
  const added = options.isSameUser ? container.ambient : [];
  return setsFor(options.uid, bounding, added);
}
