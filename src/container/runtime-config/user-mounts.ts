/** The mounts that were asked for, as the runtime reads them. */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";
import type { RuntimeMount } from "../../oci/runtime-spec.ts";
import type { IdMappings, ResolvedMount, RuntimeInput } from "./input.ts";
import { runtimeIdMappings } from "./namespaces.ts";

/** Options are Podman's: private propagation unless asked otherwise, no device files and setuid on what is ours. */
export function userMount(input: RuntimeInput, mount: ResolvedMount): RuntimeMount {
  const destination = checkedTarget(mount.target);
  const access = mount.readOnly ? "ro" : "rw";
  const options = checkedOptions(mount);
  switch (mount.kind) {
    case "bind": {
      const isVolume = input.spec.mounts.some(
        ({ kind, target }) => kind === "volume" && target === mount.target,
      );
      const bound = mount.isRecursive ? "rbind" : "bind";
      const all = [
        access,
        ...options,
        mount.propagation ?? "rprivate",
        ...(isVolume ? safe(options) : []),
        bound,
      ];
      return {
        destination,
        type: "bind",
        source: mount.source,
        ...idmapped(input, mount, unique(all)),
      };
    }
    case "tmpfs": {
      const copies = mount.copiesUp ? ["tmpcopyup"] : [];
      const all = [...options, access, "rprivate", ...safe(options), ...copies];
      return { destination, type: "tmpfs", source: "tmpfs", options: unique(all) };
    }
    case "ramfs":
      return {
        destination,
        type: "ramfs",
        source: "ramfs",
        options: unique([...options, access, ...safe(options)]),
      };
    case "devpts":
      return {
        destination,
        type: "devpts",
        source: "devpts",
        options: unique([...options, "nosuid", "noexec"]),
      };
  }
}

/** A target is resolved inside of the root file system by the runtime; what it cannot be is the root itself. */
function checkedTarget(target: string): string {
  if (!target.startsWith("/") || target.includes("\0")) {
    throw new CooperError(
      "invalid-argument",
      `mount target ${JSON.stringify(target)} is no absolute path`,
    );
  }
  const normal = posix.normalize(target).replace(/(?<=.)\/$/, "");
  if (normal === "/")
    throw new CooperError("invalid-argument", "nothing can be mounted over the container's /");
  return normal;
}

/** Words that other fields say, or that were for the engine. */
const spent = new Set([
  "ro",
  "rw",
  "readonly",
  "bind",
  "rbind",
  "private",
  "rprivate",
  "shared",
  "rshared",
  "slave",
  "rslave",
  "unbindable",
  "runbindable",
  "tmpcopyup",
  "notmpcopyup",
  "copy",
  "nocopy",
  "z",
  "Z",
  "U",
  "O",
  "idmap",
]);

function checkedOptions({ target, options }: ResolvedMount): string[] {
  const odd = options.find((option) => /[\0,]/.test(option) || option === "");
  if (odd !== undefined) {
    throw new CooperError(
      "invalid-argument",
      `mount on ${target}: invalid option ${JSON.stringify(odd)}`,
    );
  }
  return options.filter((option) => !spent.has(option));
}

/** nosuid and nodev, unless their contrary was asked for. */
function safe(options: readonly string[]): string[] {
  return ["suid", "dev"].filter((name) => !options.includes(name)).map((name) => `no${name}`);
}

function idmapped(
  { idMappings }: RuntimeInput,
  mount: ResolvedMount & { kind: "bind" },
  options: string[],
): Pick<RuntimeMount, "options" | "uidMappings" | "gidMappings"> {
  if (mount.idmap === undefined || mount.idmap === null) return { options };
  const mappings: IdMappings | null = mount.idmap === "container" ? idMappings : mount.idmap;
  if (mappings === null) {
    throw new CooperError(
      "invalid-argument",
      `mount on ${mount.target}: idmap needs a user namespace of the container's own`,
      {
        hint: "add --userns auto, or leave out idmap",
      },
    );
  }
  return {
    options: [...options, mount.isRecursive ? "ridmap" : "idmap"],
    uidMappings: runtimeIdMappings(mappings.uids),
    gidMappings: runtimeIdMappings(mappings.gids),
  };
}

function unique(options: readonly string[]): string[] {
  return [...new Set(options)];
}
