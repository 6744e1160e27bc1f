/** WORKDIR: a directory that is there afterwards. */
import { placeTar } from "../../layer/place.ts";
import { tarEnd, tarHeader } from "../../layer/tar-write.ts";
import { readInRoot } from "../../system/rooted.ts";
import { fileTime } from "../epoch.ts";
import type { WorkdirStep } from "../graph.ts";
import type { BuildSession, BuiltTree } from "../session.ts";
import { findDestination } from "./destination.ts";
import { ownerOf } from "./owner.ts";
import { seal, writeOn } from "./writable.ts";

/** Makes it where it is missing, for the user of the stage. Resolves to the id of the layer. */
export async function makeWorkdir(
  session: BuildSession,
  step: WorkdirStep,
  base: BuiltTree,
): Promise<string> {
  const directory = await writeOn(session, base, async (root) => {
    const found = findDestination(root, step.path);
    if (found.is !== "missing") return;
    const path = `/proc/self/fd/${root.descriptor}`;
    const owner = ownerOf(step.user, {
      passwd: readInRoot(path, "/etc/passwd") ?? "",
      group: readInRoot(path, "/etc/group") ?? "",
    });
    const mtime = fileTime(session.options.epoch, Math.floor(Date.now() / 1000));
    const headers = [...found.missing, found.path].map((each) =>
      tarHeader({
        name: `${Buffer.from(each.slice(1)).toString("latin1")}/`,
        type: "5",
        mode: 0o755,
        mtime,
        ...owner,
      }),
    );
    const tar = (async function* () {
      yield Buffer.concat([...headers, tarEnd()]);
    })();
    const where = {
      root: { descriptor: root.descriptor },
      directory: "/",
      name: null,
      owner: null,
    };
    await placeTar(tar, { ...where, overwrites: false });
  });
  const sealed = await seal(session, base, directory);
  return sealed.layers.at(-1) ?? "";
}
