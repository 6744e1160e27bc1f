/** What a name without a registry means (containers-registries.conf(5), "Short-Name Aliasing"). */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import { atRegistry, type ParsedName, parseName, type Reference } from "../oci/reference.ts";
import { lockDirectory } from "../system/lock.ts";
import type { RegistriesConf } from "./registries-conf.ts";

/** What a name may mean. */
export interface Meanings {
  /** Best first; empty where no registry is configured. */
  readonly references: readonly Reference[];
  /** Whether it is for the user to choose, where there is one to ask. */
  readonly isOpen: boolean;
}

/** Looks a name up: whole, by its alias, or at each registry that is searched. */
export function meaningsOf(conf: RegistriesConf, name: ParsedName): Meanings {
  if (name.registry !== null)
    return { references: [{ ...name, registry: name.registry }], isOpen: false };
  const alias = conf.aliases.get(name.repository);
  if (alias !== undefined) {
    const target = parseName(alias);
    if (target.registry !== null) {
      const { registry, repository } = target;
      return {
        references: [{ registry, repository, tag: name.tag, digest: name.digest }],
        isOpen: false,
      };
    }
  }
  const references = conf.searchRegistries.map((registry) => atRegistry(name, registry));
  return { references, isOpen: references.length > 1 && conf.shortNameMode !== "disabled" };
}

/** The refusal to guess, where that is configured and nobody can be asked. */
export function assertMayGuess(conf: RegistriesConf, name: string, meanings: Meanings): void {
  if (!meanings.isOpen || conf.shortNameMode !== "enforcing") return;
  const choices = meanings.references.map(
    ({ registry, repository }) => `${registry}/${repository}`,
  );
  throw new CooperError(
    "invalid-argument",
    `the short name "${name}" may mean several images, and there is no terminal to ask at`,
    { hint: `name one of them: ${choices.join(", ")}` },
  );
}

/** Keeps what the user has chosen, beside what was chosen before. */
export async function rememberAlias(file: string, name: string, target: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  using _lock = await lockDirectory(dirname(file));
  const aliases = new Map([...readAliases(file), [name, target]]);
  const lines = [...aliases].map(
    ([key, value]) => `  ${JSON.stringify(key)} = ${JSON.stringify(value)}`,
  );
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `[aliases]\n${lines.join("\n")}\n`, { mode: 0o644 });
  renameSync(draft, file);
}

function readAliases(file: string): [string, string][] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errnoName(error) === "ENOENT") return [];
    throw error;
  }
  const { aliases = {} } = Bun.TOML.parse(text) as { aliases?: Record<string, unknown> };
  return Object.entries(aliases).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value]] : [],
  );
}
