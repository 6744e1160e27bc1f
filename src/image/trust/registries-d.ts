/** registries.d (containers-registries.d(5)): where the signatures of a registry's images are, and go. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName, messageOf } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";
import { namespacesOf } from "./scope.ts";

/** What holds for a part of the registries. */
export interface SignaturePlace {
  /** Where simple signatures are read; an URL. */
  readonly lookaside: string | null;
  /** Where they are written, if that is another place. */
  readonly staging: string | null;
  /** Whether cosign's are looked for beside the image; null: not said. */
  readonly usesAttachments: boolean | null;
  /** The file that says so. */
  readonly file: string;
}

export interface RegistriesD {
  readonly default: SignaturePlace | null;
  readonly scopes: ReadonlyMap<string, SignaturePlace>;
  /** Where signatures are when no file says. */
  readonly fallback: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads an ordinary user's own directory if there is one, else the system's. */
export function loadRegistriesD(
  env: Environment,
  isRootless: boolean,
  systemRoot = "/",
): RegistriesD {
  const home = env.HOME ?? "/";
  const own = join(home, ".config/containers/registries.d");
  const system = join(systemRoot, "etc/containers/registries.d");
  const ownFiles = filesIn(own);
  const files = ownFiles ?? filesIn(system) ?? [];
  const fallback = isRootless
    ? `file://${join(home, ".local/share/containers/sigstore")}`
    : "file:///var/lib/containers/sigstore";
  let general: SignaturePlace | null = null;
  const scopes = new Map<string, SignaturePlace>();
  for (const file of files) {
    const value = parse(file);
    if (value["default-docker"] !== undefined) {
      if (general !== null) throw twice(file, general.file, "default-docker");
      general = decodePlace(value["default-docker"], file);
    }
    for (const [scope, place] of Object.entries(tableOf(value.docker ?? {}, file))) {
      const before = scopes.get(scope);
      if (before !== undefined) throw twice(file, before.file, scope);
      scopes.set(scope, decodePlace(place, file));
    }
  }
  return { default: general, scopes, fallback };
}

function filesIn(directory: string): string[] | undefined {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".yaml"))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoName(error) ?? "")) return undefined;
    throw error;
  }
}

function parse(file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new CooperError("invalid-argument", `${file} is not valid YAML: ${messageOf(cause)}`, {
      cause,
    });
  }
  return value === null || value === undefined ? {} : tableOf(value, file);
}

function tableOf(value: unknown, file: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new CooperError("invalid-argument", `${file} has a list or text where a table belongs`);
}

/** `sigstore` and `sigstore-staging` are the old words for the lookaside. */
function decodePlace(value: unknown, file: string): SignaturePlace {
  const table = value === null ? {} : tableOf(value, file);
  const text = (...names: string[]) => {
    for (const name of names) {
      const found = table[name];
      if (typeof found === "string" && found !== "") return found;
    }
    return null;
  };
  const uses = table["use-sigstore-attachments"];
  return {
    lookaside: text("lookaside", "sigstore"),
    staging: text("lookaside-staging", "sigstore-staging"),
    usesAttachments: typeof uses === "boolean" ? uses : null,
    file,
  };
}

function twice(file: string, other: string, what: string): CooperError {
  return new CooperError(
    "invalid-argument",
    `${file} and ${other} both say what holds for ${what}`,
  );
}

/** The places that concern an image, most specific first. */
function placesFor(conf: RegistriesD, reference: Reference): SignaturePlace[] {
  const names = [formatReference(reference), ...namespacesOf(reference)];
  return [...names.map((name) => conf.scopes.get(name) ?? null), conf.default].filter(
    (place) => place !== null,
  );
}

/** The URL below which an image's simple signatures are. */
export function lookasideOf(
  conf: RegistriesD,
  reference: Reference,
  purpose: "read" | "write",
): string {
  const urls = placesFor(conf, reference).map(({ lookaside, staging }) =>
    purpose === "write" ? (staging ?? lookaside) : lookaside,
  );
  return urls.find((url) => url !== null) ?? conf.fallback;
}

/** Whether cosign's signatures of an image are read and written. As for Podman: only where a file says so. */
export function usesAttachments(conf: RegistriesD, reference: Reference): boolean {
  const uses = placesFor(conf, reference).map((place) => place.usesAttachments);
  return uses.find((value) => value !== null) ?? false;
}
