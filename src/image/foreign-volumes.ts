/** The named volumes of Podman and Docker: where their contents are, and what is recorded of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { openBolt } from "./bolt.ts";
import { type ForeignVolume, isPlainName, listStore } from "./foreign-store.ts";
import { podmanVolumeRows } from "./podman-database.ts";

/** What either engine records of a volume, as far as it concerns us. */
interface VolumeFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly driver: string;
  readonly isAnonymous: boolean;
}

/** Those of Podman: recorded in SQLite since version 5, in bbolt before. */
export function podmanVolumes(root: string): ForeignVolume[] {
  const rows = podmanVolumeRows(root);
  const bolt =
    rows === undefined ? openBolt(root, "libpod/bolt_state.db")?.bucket("vol") : undefined;
  return volumesIn(root, (name) => {
    const text = rows?.get(name) ?? bolt?.bucket(name)?.value("config")?.toString("utf8");
    const value = parse(text, `volume ${name} of Podman`);
    return (
      value && {
        labels: textsIn(value.labels),
        options: textsIn(value.options),
        driver: typeof value.volumeDriver === "string" ? value.volumeDriver : "local",
        isAnonymous: value.isAnon === true,
      }
    );
  });
}

/** Those of Docker. It records no difference between volumes that nobody named: their names tell. */
export function dockerVolumes(root: string): ForeignVolume[] {
  const bolt = openBolt(root, "volumes/metadata.db")?.bucket("volumes");
  return volumesIn(root, (name) => {
    const value = parse(bolt?.value(name)?.toString("utf8"), `volume ${name} of Docker`);
    return (
      value && {
        labels: textsIn(value.Labels),
        options: textsIn(value.Options),
        driver: typeof value.Driver === "string" ? value.Driver : "local",
        isAnonymous: isDrawn(name),
      }
    );
  });
}

/** Both draw 64 hexadecimal digits where no name is given. */
const isDrawn = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

/** Anonymous ones belong to containers, which stay where they are. */
function volumesIn(
  root: string,
  factsOf: (name: string) => VolumeFacts | undefined,
): ForeignVolume[] {
  return listStore(join(root, "volumes"))
    .filter((name) => isPlainName(name) && existsSync(join(root, "volumes", name, "_data")))
    .flatMap((name) => {
      const facts = factsOf(name);
      if (facts?.isAnonymous ?? isDrawn(name)) return [];
      return [
        {
          name,
          labels: facts?.labels ?? {},
          path: `volumes/${name}/_data`,
          refusal: facts === undefined ? null : refusalOf(facts),
        },
      ];
    });
}

/** A volume that is mounted from elsewhere has nothing in its directory. */
function refusalOf({ driver, options }: VolumeFacts): string | null {
  if (driver !== "" && driver !== "local") return `its contents are kept by the plugin ${driver}`;
  const mount = ["type", "device", "o"].filter((key) => (options[key] ?? "") !== "");
  if (mount.length === 0) return null;
  const words = mount.map((key) => `--opt ${key}=${options[key]}`).join(" ");
  return `it is a mount, whose contents are elsewhere; make it again with: cooper volume create ${words}`;
}

function parse(
  text: string | undefined,
  where: string,
): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw new CooperError("corrupt", `the record of ${where} is not valid JSON`, { cause });
  }
  throw new CooperError("corrupt", `the record of ${where} is no object`);
}

function textsIn(value: unknown): Record<string, string> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([key, text]) => (typeof text === "string" ? [[key, text] as const] : [])),
  );
}
