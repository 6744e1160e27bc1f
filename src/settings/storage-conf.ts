/** storage.conf(5): which storage driver the host or the user has chosen, as Podman reads it. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";

/** How layers become one tree. */
export type StorageDriver = "overlay" | "fuse-overlayfs" | "vfs";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * STORAGE_DRIVER, else the first storage.conf there is. `overlay` is what distributions write there, so
 * from a file it means no more than nothing does: overlay where the kernel has it. null: not chosen.
 */
export function configuredDriver(
  env: Environment,
  isRootless: boolean,
  systemRoot = "/",
): StorageDriver | null {
  if (env.STORAGE_DRIVER) {
    const driver = driverOf(env.STORAGE_DRIVER, false);
    if (driver !== null) return driver;
    throw new CooperError(
      "invalid-argument",
      `STORAGE_DRIVER is ${env.STORAGE_DRIVER}: there are overlay, fuse-overlayfs and vfs`,
    );
  }
  const conf = readStorageConf(env, isRootless, systemRoot);
  return conf === null ? null : chosenIn(conf.storage);
}

/** The first storage.conf there is. */
export interface StorageConf {
  readonly file: string;
  /** Whether it is an ordinary user's own, or named by the environment. */
  readonly isOwn: boolean;
  /** Its table `[storage]`. */
  readonly storage: Readonly<Record<string, unknown>>;
}

/** CONTAINERS_STORAGE_CONF, one's own file, the system's, the distribution's. null: there is none. */
export function readStorageConf(
  env: Environment,
  isRootless: boolean,
  systemRoot = "/",
): StorageConf | null {
  const named = env.CONTAINERS_STORAGE_CONF;
  const configHome = env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
  const own = join(configHome, "containers/storage.conf");
  const files = named
    ? [named]
    : [
        ...(isRootless ? [own] : []),
        join(systemRoot, "etc/containers/storage.conf"),
        join(systemRoot, "usr/share/containers/storage.conf"),
      ];
  for (const file of files) {
    const text = readIfThere(file);
    if (text === undefined) continue;
    return { file, isOwn: file === named || file === own, storage: storageTable(text, file) };
  }
  return null;
}

function storageTable(text: string, file: string): Record<string, unknown> {
  try {
    return table(table(Bun.TOML.parse(text)).storage);
  } catch (cause) {
    const why = messageOf(cause);
    throw new CooperError("invalid-argument", `${file} is not valid TOML: ${why}`, { cause });
  }
}

function chosenIn(storage: StorageConf["storage"]): StorageDriver | null {
  const options = table(storage.options);
  const program = table(options.overlay).mount_program ?? options.mount_program ?? "";
  const isFuse = basename(String(program)) === "fuse-overlayfs";
  const driver = driverOf(String(storage.driver ?? ""), isFuse);
  return driver === "overlay" ? null : driver;
}

const table = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});

/** Podman's names; `btrfs` and the like are for its own store only. */
function driverOf(name: string, isFuse: boolean): StorageDriver | null {
  if (name === "vfs" || name === "fuse-overlayfs") return name;
  if (name !== "overlay" && name !== "overlay2") return null;
  return isFuse ? "fuse-overlayfs" : "overlay";
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}
