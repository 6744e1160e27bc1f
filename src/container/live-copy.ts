/**
 * Copying the changes of a container that runs, so that it is held still for a moment only: all is copied
 * while it goes on, and what has changed meanwhile once more when it stands still.
 */
import { closeSync, fstatSync, rmSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import {
  type CopiedFile,
  type CopiedTree,
  copyTree,
  type Draft,
  draftCopy,
} from "../system/copy-tree.ts";
import { freezerOf, processesOf, sharedWritableFiles } from "../system/freezer.ts";
import { findInRoot } from "../system/rooted.ts";
import { OpenDirectory } from "../system/tree-read.ts";
import { holdStill } from "./hold-still.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * Copies a directory of the container's changes to `target`, which is made here.
 *
 * @param pauses as for holdStill()
 */
export async function copyLive(
  host: Host,
  container: ContainerRecord,
  source: string,
  target: string,
  pauses: boolean | null,
): Promise<CopiedTree> {
  using directory = OpenDirectory.at(source);
  const draft =
    pauses === false || container.intent === "paused"
      ? undefined
      : draftOf(host, container, source, directory, target);
  await using still = await holdStill(host, container, pauses);
  if (draft !== undefined && still !== null) return draft.finish();
  rmSync(target, { recursive: true, force: true });
  if (still === null && container.intent !== "paused") {
    host.warn(
      `the processes of ${container.name} go on while its files are copied: what they write now may be in the copy in part`,
    );
  }
  return copyTree(directory.descriptor, target);
}

/** Undefined where it cannot be held still in a moment, or changes faster than it can be copied. */
function draftOf(
  host: Host,
  { id, pid, name }: ContainerRecord,
  source: string,
  directory: OpenDirectory,
  target: string,
): { finish(): CopiedTree } | undefined {
  const cgroup = freezerOf(pid, id);
  if (cgroup === undefined) return undefined;
  const isSuspect = suspects(cgroup, source);
  let draft: Draft;
  try {
    draft = draftCopy(directory.descriptor, target);
  } catch (error) {
    if (!(error instanceof CooperError) || error.code === "no-space") throw error;
    host.debug(`the files of ${name} changed while they were copied: ${error.message}`);
    return undefined;
  }
  return { finish: () => draft.finish(isSuspect) };
}

/** The clock that change times are taken from lags by up to a tick, of 10 ms at most (time(7)). */
const lagNs = 50_000_000n;

/**
 * Files whose change time does not tell of every change. A store through a shared mapping changes it when
 * the page is made writable, and not again until it has been written out: so whatever is mapped like that
 * before we begin is suspect, and what changed since, which a mapping made since has to do first.
 */
function suspects(cgroup: string, source: string): (file: CopiedFile) => boolean {
  const begin = BigInt(Date.now()) * 1_000_000n - lagNs;
  const mapped = new Set<bigint>();
  for (const path of new Set(processesOf(cgroup).flatMap(sharedWritableFiles))) {
    const descriptor = findInRoot(source, path);
    if (descriptor === undefined) continue;
    mapped.add(fstatSync(descriptor, { bigint: true }).ino);
    closeSync(descriptor);
  }
  return ({ ino, ctimeNs }) => ctimeNs >= begin || mapped.has(ino);
}
