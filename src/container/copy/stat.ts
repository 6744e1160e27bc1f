/** What is at a path in a container, without reading it. */
import { posix } from "node:path";
import type { Host } from "../../host.ts";
import { openContainerRoot } from "./container-root.ts";
import { findEntry } from "./tree.ts";

export interface PathStat {
  /** The last name of the path. */
  readonly name: string;
  readonly size: number;
  /** As of stat(2). */
  readonly mode: number;
  readonly modifiedAtMs: number;
  /** Where a link leads, absolute in the container; empty for what is none. */
  readonly linkTarget: string;
}

/** A link as the last name is told of itself. @throws CooperError no-such-object */
export async function statPath(host: Host, nameOrId: string, path: string): Promise<PathStat> {
  await using root = await openContainerRoot(host, nameOrId);
  using entry = findEntry(root.path, posix.join("/", path), {
    followsLast: /\/\.?$/.test(path),
    shown: `${nameOrId}:${path}`,
  });
  const { parent, name, stats } = entry;
  const link = stats.isSymbolicLink() ? parent.readLink(name) : undefined;
  return {
    name: posix.basename(posix.join("/", path)) || "/",
    size: stats.size,
    mode: stats.mode,
    modifiedAtMs: stats.mtimeMs,
    linkTarget:
      link === undefined
        ? ""
        : posix.resolve(
            posix.dirname(posix.join("/", path)),
            Buffer.from(link, "latin1").toString(),
          ),
  };
}
