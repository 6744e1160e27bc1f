/** Putting the entries of a tar into a tree that is there already: a child of our own does it, chrooted into it. */

import { CooperError } from "../errors.ts";
import { needProgram } from "../system/program.ts";
import { childCommand, feed } from "./unpack.ts";
import { decodeAnswer } from "./unpack-protocol.ts";

/** What the child is told. */
export interface PlaceRequest {
  /**
   * Becomes the root of the child: no name in the tar, and no link in the tree, leads out of it. A path,
   * or a descriptor of ours where it has none.
   */
  readonly root: string | { readonly descriptor: number };
  /** The directory to write into, absolute within the root. */
  readonly directory: string;
  /** The first part of every name becomes another; null: names stay. */
  readonly name: string | null;
  /** Or only certain ones do: by what they are in the tar. */
  readonly renames?: Readonly<Record<string, string>>;
  /** Whose everything becomes; null: whose the tar says. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** Whether directories give way to files, and files to directories. */
  readonly overwrites: boolean;
  /** An ordinary user places files of their own, outside of the namespace of containers. */
  readonly entersNamespace?: boolean;
}

/** Whoever may not chroot may do so in a user namespace, in which root is who called. */
const inNamespace = (words: readonly string[]) => [
  needProgram("unshare"),
  "--user",
  "--map-root-user",
  "--",
  ...words,
];

/** Resolves to how many bytes of files were written, and what could not be done as asked. */
export async function placeTar(
  tar: AsyncIterable<Uint8Array>,
  request: PlaceRequest,
): Promise<{ readonly size: number; readonly warnings: readonly string[] }> {
  const { root } = request;
  // the child finds it where it is handed over, as its descriptor 3
  const told = typeof root === "string" ? request : { ...request, root: "/proc/self/fd/3" };
  const handed = typeof root === "string" ? [] : [root.descriptor];
  const own = [...childCommand("__place", "place-child.ts"), JSON.stringify(told)];
  const child = Bun.spawn(request.entersNamespace ? inNamespace(own) : own, {
    cwd: "/",
    env: {},
    stdio: ["pipe", "pipe", "pipe", ...handed] as ["pipe", "pipe", "pipe"],
  });
  try {
    const texts = Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    await feed(tar, child.stdin as unknown as Bun.FileSink, child.exited);
    const [answer, complaint] = await texts;
    await child.exited;
    const decoded = decodeAnswer(answer);
    if (decoded instanceof CooperError) throw decoded;
    if (decoded !== undefined) return decoded;
    const why =
      complaint.trim().split("\n").at(-1) || `it ended with ${child.signalCode ?? child.exitCode}`;
    throw new CooperError("helper-failed", `the process that writes the files failed: ${why}`);
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
    await child.exited;
  }
}
