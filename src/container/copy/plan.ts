/** Where a copy goes, by the rules of docker-cp(1): a pure decision from what is at both ends. */
import { posix } from "node:path";
import { CooperError } from "../../errors.ts";

/** An end of a copy as typed: a path of the host or of a container, or a tar on a stream. */
export type CopyEnd =
  | { readonly kind: "stream" }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "container"; readonly container: string; readonly path: string };

/** `-`, `CONTAINER:PATH` or `PATH`; what begins with `/` or `.` is a path whatever follows (docker-cp(1)). */
export function parseCopyEnd(text: string): CopyEnd {
  if (text === "-") return { kind: "stream" };
  const colon = text.indexOf(":");
  const isPath = colon <= 0 || /^[/.]/.test(text) || text.slice(0, colon).includes("/");
  if (isPath) return { kind: "host", path: text };
  return { kind: "container", container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** What is copied. */
export interface CopySource {
  /** The last name of its path, as typed. */
  readonly name: string;
  readonly isDirectory: boolean;
  /** `/.` at its end: what is in it, not the directory itself. */
  readonly isContents: boolean;
}

/** What is at the other end now, links followed. */
export interface CopyTarget {
  /** Absolute. */
  readonly path: string;
  readonly is: "missing" | "file" | "directory";
  readonly hasParent: boolean;
  /** `/` or `/.` at its end: it is meant to be a directory. */
  readonly isMeantAsDirectory: boolean;
  /** As the user named it. */
  readonly shown: string;
}

/** The directory that is written into, and the name that the copied thing gets there. */
export interface CopyPlan {
  readonly directory: string;
  /** null: the names within the source are kept, as they are in the directory. */
  readonly name: string | null;
}

/** @throws CooperError invalid-argument, no-such-object */
export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  const { path, is, shown } = target;
  if (is === "directory") return { directory: path, name: source.isContents ? null : source.name };
  if (is === "file") {
    if (source.isDirectory)
      throw new CooperError("invalid-argument", `cannot copy a directory over the file ${shown}`);
    if (target.isMeantAsDirectory)
      throw new CooperError("invalid-argument", `${shown} is no directory`);
  } else {
    if (!source.isDirectory && target.isMeantAsDirectory)
      throw new CooperError("no-such-object", `there is no directory ${shown}`);
    if (!target.hasParent)
      throw new CooperError(
        "no-such-object",
        `there is no directory ${posix.dirname(path)} for ${shown}`,
      );
  }
  return { directory: posix.dirname(path), name: posix.basename(path) };
}

/** A tar from a stream can only go into a directory. */
export function planExtraction({ path, is, shown }: CopyTarget): CopyPlan {
  if (is === "directory") return { directory: path, name: null };
  throw new CooperError(
    is === "missing" ? "no-such-object" : "invalid-argument",
    `${shown} is no directory: a tar can only be copied into one`,
  );
}
