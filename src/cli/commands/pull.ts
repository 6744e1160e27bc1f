/** `pull` and `import`: images from elsewhere. */
import { CooperError } from "../../errors.ts";
import { defineCommand } from "../command.ts";

export const pull = defineCommand({
  summary: "Pull images from a registry",
  usage: "IMAGE [IMAGE...]",
  options: {},
  args: { min: 1 },
  run() {
    throw new CooperError("not-supported", "cooper pull is not available yet in this version");
  },
});

export const importImage = defineCommand({
  summary: "Make an image from a tar of a file system",
  usage: "FILE|URL|- [NAME]",
  options: {},
  args: { min: 1, max: 2 },
  run() {
    throw new CooperError("not-supported", "cooper import is not available yet in this version");
  },
});
