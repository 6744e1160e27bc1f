/** What `git ls-remote` says, and which of it is meant. Pure. */

/** A ref of the remote, and the commit that it leads to. */
export interface FoundRef {
  /** As the remote has it: `refs/heads/main`, `HEAD`. */
  readonly name: string;
  /** Of an annotated tag the commit that it names. */
  readonly commit: string;
  /** What the ref itself is: of an annotated tag the tag. */
  readonly object: string;
}

/** SHA-1, or SHA-256. */
export const isCommitId = (text: string) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/**
 * Finds a ref by what the user wrote. A branch goes before a tag of the same name, as `git checkout` has it.
 *
 * @param listing lines `ID<tab>NAME`; `NAME^{}` is what a tag names
 */
export function chooseRef(listing: string, wanted: string | null): FoundRef | undefined {
  const refs = new Map<string, string>();
  for (const line of listing.split("\n")) {
    const [id = "", name = ""] = line.split("\t");
    if (isCommitId(id) && name !== "") refs.set(name, id);
  }
  const candidates =
    wanted === null
      ? ["HEAD"]
      : [wanted, `refs/${wanted}`, `refs/heads/${wanted}`, `refs/tags/${wanted}`];
  const name = candidates.find((candidate) => refs.has(candidate));
  const object = name === undefined ? undefined : refs.get(name);
  if (name === undefined || object === undefined) return undefined;
  return { name, object, commit: refs.get(`${name}^{}`) ?? object };
}

/** An entry of `git ls-tree -r -l -z`. */
export interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  /** null: it is none (a submodule). */
  readonly bytes: number | null;
  readonly path: string;
}

/** @returns undefined for what is no such line */
export function parseTreeEntry(line: string): TreeEntry | undefined {
  const [, mode, object, size, path] = /^(\d{6}) \w+ ([0-9a-f]+) +(-|\d+)\t(.+)$/s.exec(line) ?? [];
  if (mode === undefined || object === undefined || path === undefined) return undefined;
  return { mode, object, bytes: size === "-" ? null : Number(size), path };
}

/** `.gitmodules` as `git config -z --list` tells it: URLs by path. */
export function parseModules(listing: string): ReadonlyMap<string, string> {
  const modules = new Map<string, { path?: string; url?: string }>();
  for (const entry of listing.split("\0")) {
    const [, name, key, value] = /^submodule\.(.+)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (name === undefined || value === undefined) continue;
    const module = modules.get(name) ?? {};
    if (key === "path") module.path = value;
    else module.url = value;
    modules.set(name, module);
  }
  return new Map(
    [...modules.values()].flatMap(({ path, url }) =>
      path === undefined || url === undefined ? [] : [[path.replace(/\/+$/, ""), url] as const],
    ),
  );
}
