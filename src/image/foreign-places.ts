/** Where Podman and Docker keep their stores on this machine, as their own configuration says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { readStorageConf } from "../settings/storage-conf.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The store's root, and the storage driver where the configuration names one. */
export interface StorePlace {
  readonly root: string;
  readonly driver: string | null;
}

/** storage.conf(5), else the defaults. */
export function podmanPlace(env: Environment, isRootless: boolean, systemRoot = "/"): StorePlace {
  const standard = isRootless
    ? join(dataHome(env), "containers/storage")
    : "/var/lib/containers/storage";
  const conf = readStorageConf(env, isRootless, systemRoot);
  if (conf === null) return { root: standard, driver: null };
  const field = (name: string) => {
    const content = conf.storage[name];
    return typeof content === "string" && content !== "" ? content : null;
  };
  // graphroot in the system's files is root's; those of ordinary users are below rootless_storage_path
  const own = isRootless ? field("rootless_storage_path") : null;
  const root = own ?? (isRootless && !conf.isOwn ? null : field("graphroot")) ?? standard;
  return { root: expand(root, env), driver: field("driver") };
}

/** dockerd's data root: daemon.json's, else the usual place; `~/.local/share/docker` for a rootless one. */
export function dockerPlace(env: Environment, isRootless: boolean, systemRoot = "/"): StorePlace {
  const file = isRootless
    ? join(configHome(env), "docker/daemon.json")
    : join(systemRoot, "etc/docker/daemon.json");
  const standard = isRootless ? join(dataHome(env), "docker") : "/var/lib/docker";
  const text = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (text === "") return { root: standard, driver: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${file} is not valid JSON`, { cause });
  }
  const settings = isObject(value) ? value : {};
  const root = settings["data-root"];
  const driver = settings["storage-driver"];
  return {
    root: typeof root === "string" && root.startsWith("/") ? root : standard,
    driver: typeof driver === "string" && driver !== "" ? driver : null,
  };
}

/** The socket of a Docker daemon that may be running: DOCKER_HOST's, one's own, else the machine's. */
export function dockerSocket(
  env: Environment,
  isRootless: boolean,
  exists: (path: string) => boolean = existsSync,
): string {
  const host = env.DOCKER_HOST;
  if (host !== undefined && host !== "") {
    if (host.startsWith("unix://")) return host.slice("unix://".length);
    throw new CooperError(
      "not-supported",
      `DOCKER_HOST is ${host}; only a daemon behind a unix socket is asked`,
      { hint: "DOCKER_HOST=unix:///var/run/docker.sock" },
    );
  }
  const own = isRootless && env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, "docker.sock") : "";
  // members of the group docker use the machine's
  return own !== "" && exists(own) ? own : "/var/run/docker.sock";
}

/** storage.conf may hold `$HOME`, `$USER` and `$UID`. */
function expand(path: string, env: Environment): string {
  return path.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? "";
    return name === "UID" ? `${env.UID ?? process.getuid?.() ?? 0}` : (env[name] ?? "");
  });
}

const configHome = (env: Environment): string =>
  env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
const dataHome = (env: Environment): string =>
  env.XDG_DATA_HOME || join(env.HOME ?? "/", ".local/share");
