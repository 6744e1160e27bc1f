/** Which containers a command acts on: those named, --latest, --all, --filter, --cidfile. */
import { readFileSync } from "node:fs";
import type { ListedContainer } from "../container/listed.ts";
import type { Engine } from "../engine.ts";
import { CooperError, errnoName, messageOf } from "../errors.ts";
import { flagSwitch, integer, listOf, path, string } from "../option.ts";

/** Options that several commands share, declared once. */
export const all = {
  flag: "--all",
  short: "-a",
  type: flagSwitch,
  help: "All containers",
} as const;
export const latest = {
  flag: "--latest",
  short: "-l",
  type: flagSwitch,
  help: "The container made last",
} as const;
export const cidfile = {
  flag: "--cidfile",
  type: listOf(path),
  help: "Read the container's id from a file",
} as const;
export const filter = {
  flag: "--filter",
  short: "-f",
  type: listOf(string),
  help: "Only those with KEY=VALUE",
} as const;
export const ignore = {
  flag: "--ignore",
  short: "-i",
  type: flagSwitch,
  help: "A container that does not exist is no error",
} as const;
export const time = {
  flag: "--time",
  short: "-t",
  aliases: ["--timeout"],
  type: { ...integer, placeholder: "SECONDS" },
  help: "How long a container may take to end before it is killed; -1: for ever",
} as const;

/** What was typed to choose containers. */
export interface Selection {
  readonly all?: boolean | undefined;
  readonly latest?: boolean | undefined;
  readonly cidfile?: readonly string[] | undefined;
  readonly filter?: readonly string[] | undefined;
  /** A --cidfile that does not exist is no error (podman-rm(1), "--cidfile"). */
  readonly ignore?: boolean | undefined;
}

/**
 * Names in the order typed, or the chosen ones, oldest first.
 *
 * @param suits which containers `--all` means
 */
export async function selectContainers(
  engine: Engine,
  args: readonly string[],
  options: Selection,
  suits: (container: ListedContainer) => boolean = () => true,
): Promise<string[]> {
  const cidFiles = options.cidfile ?? [];
  const names = [
    ...args,
    ...cidFiles.flatMap((file) => readCidFile(file, options.ignore ?? false)),
  ];
  const filters = options.filter ?? [];
  checkWays(args.length + cidFiles.length > 0, options, filters.length > 0);
  if (options.latest) {
    const last = (await engine.containers.list()).at(-1);
    if (last === undefined) throw new CooperError("no-such-container", "there are no containers");
    return [last.id];
  }
  if (options.all || filters.length > 0) {
    return (await engine.containers.list(filters)).filter(suits).map(({ id }) => id);
  }
  if (names.length === 0 && cidFiles.length === 0) {
    throw new CooperError("invalid-argument", "no container was named", {
      hint: "name one or more, or use --all or --latest",
    });
  }
  return names;
}

/** One way to choose, as podman: names would not be what a filter is about. */
function checkWays(hasNames: boolean, options: Selection, hasFilter: boolean): void {
  const ways = [hasNames, options.all === true, options.latest === true].filter(Boolean).length;
  if (ways > 1) {
    throw new CooperError(
      "invalid-argument",
      "name containers, or use --all or --latest: only one of them",
    );
  }
  if (hasFilter && (hasNames || options.latest))
    throw new CooperError("invalid-argument", "--filter chooses by itself: name no container");
}

/** The id in the first line; none where the file may be missing and is. */
function readCidFile(file: string, mayBeMissing: boolean): string[] {
  try {
    const [id = ""] = readFileSync(file, "utf8").split("\n", 1);
    if (id.trim() === "") throw new Error("it is empty");
    return [id.trim()];
  } catch (cause) {
    if (mayBeMissing && errnoName(cause) === "ENOENT") return [];
    throw new CooperError(
      "invalid-argument",
      `cannot read the container id file ${file}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
