/** Commands of the peers that there are not: refused by name, with the reason. */
import { findCommand, groups } from "./tree.ts";

/**
 * Commands of the peers by noun: one that the tree does not have is refused by name, not as a mistyping.
 * Those that it does have may stay in the list.
 */
const ofPeers: Readonly<Record<string, string>> = {
  "":
    "artifact auto-update build builder buildx checkpoint commit compose cp diff export farm generate " +
    "healthcheck kube login logout machine manifest mount play plugin pod push quadlet save search secret " +
    "stats trust umount unmount update volume",
  buildx: "dial-stdio history install uninstall",
  container:
    "checkpoint clone commit cp diff export mount restore runlabel stats umount unmount update",
  image: "build diff mount push save search umount unmount",
  system: "check df hyperv-prep migrate prune renumber reset",
  volume: "export import",
};

/** Of builders there is one, and it is always there. */
const ofBuilders = ["create", "rm", "stop"];

/** Docker's swarm: several machines, which Cooper does not lead. */
const ofSwarm = ["config", "node", "service", "stack", "swarm"];

/** Why a command of the peers cannot be had, if the words name one. */
export function whyMissing(words: readonly string[]): string | undefined {
  const [first = "", second = ""] = words;
  const [noun, verb] = Object.hasOwn(groups, first) ? [first, second] : ["", first];
  if (findCommand(words) !== undefined) return undefined;
  if (noun === "" && ofSwarm.includes(verb))
    return `cooper ${verb} does not exist: there is no swarm mode, Cooper works on one machine`;
  if (noun === "buildx" && ofBuilders.includes(verb))
    return `cooper buildx ${verb} does not exist: there is one builder, default, which is cooper itself`;
  if (noun === "buildx" && verb === "debug")
    return "there is no cooper buildx debug: a shell where a build fails opens with cooper build --debug-shell";
  if (noun === "buildx" && verb === "imagetools")
    return "of buildx imagetools there is inspect; put images together with: cooper manifest";
  if (verb === "" || !(ofPeers[noun] ?? "").split(" ").includes(verb)) return undefined;
  return `cooper ${`${noun} ${verb}`.trim()} is not available yet in this version`;
}
