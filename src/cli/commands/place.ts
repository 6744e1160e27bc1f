/** Hidden: the child process that puts a tar into a tree, chrooted into it. */
import { placeMain } from "../../layer/place-child.ts";
import { defineCommand } from "../command.ts";

export const place = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 0 },
  stopsAtFirstWord: true,
  staysOutside: true, // its parent is inside already
  isHidden: true,
  run: async ({ args }) => placeMain([...args]),
});
