/** Hidden: the child process in which a layer is unpacked, chrooted into its directory. */
import { unpackMain } from "../../layer/unpack-child.ts";
import { defineCommand } from "../command.ts";

export const unpack = defineCommand({
  summary: "",
  usage: "",
  options: {},
  args: { min: 0 },
  stopsAtFirstWord: true,
  staysOutside: true, // its parent is inside already
  isHidden: true,
  run: ({ args }) => unpackMain([...args]),
});
