/** Bake files: which are read, and what they say together. */
import { existsSync, readFileSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { composeDefinition } from "./compose.ts";
import { parseDotEnv } from "./compose-interpolation.ts";
import { parseHcl, parseHclJson } from "./hcl/parse.ts";
import { type BakeFacts, hclDefinition } from "./hcl-definition.ts";
import { type Definition, mergeGroups, mergeTargets } from "./target.ts";

/** In the order in which they are read: later ones go over earlier ones. */
const usualNames = [
  "compose.yaml",
  "compose.yml",
  "docker-compose.yml",
  "docker-compose.yaml",
  "docker-bake.json",
  "docker-bake.hcl",
  "docker-bake.override.json",
  "docker-bake.override.hcl",
];

const maxFileBytes = 8 << 20;

interface BakeFile {
  readonly name: string;
  readonly text: string;
}

/** @param names null: those that are usual, as far as they are there; `-` is standard input */
export function readBakeFiles(names: readonly string[] | null): BakeFile[] {
  const chosen = names ?? usualNames.filter((name) => existsSync(name));
  if (chosen.length === 0)
    throw new CooperError("no-such-object", "couldn't find a bake definition", {
      hint: `name it: cooper bake -f FILE (looked for ${usualNames.join(", ")})`,
    });
  return chosen.map((name) => ({ name, text: readText(name) }));
}

function readText(name: string): string {
  try {
    const bytes = readFileSync(name === "-" ? 0 : name);
    if (bytes.length <= maxFileBytes) return bytes.toString("utf8");
  } catch (cause) {
    throw new CooperError("no-such-object", `cannot read ${name}: ${errnoName(cause)}`, { cause });
  }
  throw new CooperError("invalid-argument", `${name} is larger than 8 MiB`);
}

/** What files say together. @throws CooperError invalid-argument that shows the place */
export function defineBake(files: readonly BakeFile[], facts: BakeFacts): Definition {
  const isYaml = ({ name, text }: BakeFile) =>
    /\.ya?ml$/i.test(name) || (!/\.(?:hcl|json)$/i.test(name) && /^services\s*:/m.test(text));
  const compose = files.filter(isYaml);
  const others = files.filter((file) => !isYaml(file));
  const parsed = others.map(({ name, text }) =>
    /\.json$/i.test(name) || (!/\.hcl$/i.test(name) && /^\s*\{/.test(text))
      ? parseHclJson(name, text)
      : parseHcl(name, text),
  );
  const parts = [
    ...(compose.length === 0 ? [] : [composeDefinition(compose, environment(facts))]),
    ...(parsed.length === 0 ? [] : [hclDefinition(parsed, facts)]),
  ];
  return {
    groups: mergeGroups(parts.flatMap(({ groups }) => groups)),
    targets: mergeTargets(parts.flatMap(({ targets }) => targets)),
    variables: parts.flatMap(({ variables }) => variables),
  };
}

/** Compose reads a file `.env` of the directory that it is called in; what is set goes before it. */
function environment({ env, variables }: BakeFacts): Record<string, string | undefined> {
  const file = existsSync(".env") ? parseDotEnv(readText(".env")) : {};
  return { ...file, ...env, ...variables };
}
