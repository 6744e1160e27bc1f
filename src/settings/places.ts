/**
 * Where containers.conf is looked for: containers-config(5). The main files are all read, the later
 * ones on top, as Podman does up to version 5; of drop-ins with one name only the one in the last
 * directory counts, so that an administrator can take back one of the distribution's.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";

/** Who asks, and for what. */
export interface Search {
  /** As process.env. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly isRootless: boolean;
  readonly uid: number;
  /** `--module`: names below containers.conf.modules, or absolute paths. */
  readonly modules: readonly string[];
  /** Stands for `/` in tests. */
  readonly systemRoot: string;
}

/**
 * The files in the order in which they are applied. CONTAINERS_CONF stands for all main files and
 * drop-ins; modules and CONTAINERS_CONF_OVERRIDE come on top of it too.
 *
 * @throws CooperError invalid-argument for a file that was asked for and is not there
 */
export function settingsFiles(search: Search): string[] {
  const { CONTAINERS_CONF: only, CONTAINERS_CONF_OVERRIDE: override } = search.env;
  const bases = baseFiles(search);
  return [
    ...(only ? [mustExist(only, "CONTAINERS_CONF")] : foundFiles(search, bases)),
    ...search.modules.map((name) => moduleFile(name, bases)),
    ...(override ? [mustExist(override, "CONTAINERS_CONF_OVERRIDE")] : []),
  ];
}

/** The distribution's, the administrator's, and the user's own. */
function baseFiles({ env, home, isRootless, systemRoot }: Search): string[] {
  const configHome = env.XDG_CONFIG_HOME || join(home, ".config");
  return [
    join(systemRoot, "usr/share/containers/containers.conf"),
    join(systemRoot, "etc/containers/containers.conf"),
    ...(isRootless ? [join(configHome, "containers/containers.conf")] : []),
  ];
}

function foundFiles({ isRootless, uid }: Search, bases: readonly string[]): string[] {
  const kind = isRootless ? "rootless" : "rootful";
  const files: string[] = [];
  for (const [index, file] of bases.entries()) {
    if (existsSync(file)) files.push(file);
    files.push(...dropIns(`${file}.d`));
    if (index === 2) break; // the user's own place knows but one user
    const special = file.replace(/\.conf$/, `.${kind}.conf.d`);
    files.push(...dropIns(special), ...(isRootless ? dropIns(join(special, `${uid}`)) : []));
  }
  const isMain = (file: string) => bases.includes(file);
  return files.filter(
    (file, index) =>
      isMain(file) ||
      !files.slice(index + 1).some((later) => !isMain(later) && basename(later) === basename(file)),
  );
}

/** In the order of their names. */
function dropIns(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoName(error) ?? "")) return [];
    throw error;
  }
  return names
    .filter((name) => name.endsWith(".conf"))
    .sort()
    .map((name) => join(directory, name));
}

/** The user's before the administrator's before the distribution's. */
function moduleFile(name: string, bases: readonly string[]): string {
  if (isAbsolute(name)) return mustExist(name, "--module");
  const directories = bases.toReversed().map((file) => `${file}.modules`);
  const found = directories
    .map((directory) => join(directory, name))
    .find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new CooperError("invalid-argument", `no module ${name} of containers.conf`, {
    hint: `it is looked for in ${directories.join(", ")}`,
  });
}

function mustExist(file: string, what: string): string {
  if (existsSync(file)) return file;
  throw new CooperError("invalid-argument", `${what} names ${file}, which does not exist`);
}
