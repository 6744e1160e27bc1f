/** `cp`: files and directories between containers and the host. */
import { parseCopyEnd } from "../../container/copy/plan.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { humanSize } from "../human.ts";
import { printBytes, tell } from "../output.ts";

export const cp = defineCommand({
  summary: "Copy files between containers and the host",
  usage: "[CONTAINER:]SOURCE|- [CONTAINER:]TARGET|-",
  description:
    "A directory is copied with all in it; SOURCE/. is what is in it alone. - is a tar on standard input or output. What is copied belongs to the container's user, or to whoever calls; with --archive owners stay as they are.",
  examples: [
    "cooper cp web:/etc/nginx ./conf",
    "cooper cp site/. web:/srv",
    "cooper cp web:/srv - | tar t",
  ],
  options: {
    archive: { flag: "--archive", short: "-a", type: flagSwitch, help: "Keep owners" },
    extract: {
      flag: "--extract",
      type: flagSwitch,
      help: "Unpack an archive",
      isHidden: true,
      ignored: "what comes from stdin is unpacked anyway",
    },
    pause: {
      flag: "--pause",
      type: flagSwitch,
      help: "Let the container stand still meanwhile",
      isHidden: true,
      ignored: "files are opened one by one, and within the container's root",
    },
    followLink: {
      flag: "--follow-link",
      short: "-L",
      type: flagSwitch,
      help: "A link as SOURCE stands for what it points to",
    },
    overwrite: {
      flag: "--overwrite",
      type: flagSwitch,
      help: "Directories give way to files, and files to directories",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Do not tell how much it was" },
  },
  args: { min: 2, max: 2 },
  completes: "container",
  async run({ engine, args: [source = "", target = ""], options }) {
    const [from, to] = [parseCopyEnd(source), parseCopyEnd(target)];
    if (from.kind !== "container" && to.kind !== "container")
      throw new CooperError("invalid-argument", "neither end is in a container", {
        hint: "name one as CONTAINER:PATH",
      });
    if (from.kind === "stream" && isTerminal(0))
      throw new CooperError("invalid-argument", "a tar cannot be read from a terminal");
    if (to.kind === "stream" && isTerminal(1))
      throw new CooperError("invalid-argument", "a tar is not written to a terminal");
    const size = await engine.containers.copy(from, to, {
      keepsOwners: options.archive ?? false,
      followsLink: options.followLink ?? false,
      overwrites: options.overwrite ?? false,
      input: Bun.stdin.stream(),
      output: printBytes,
    });
    if (!options.quiet && to.kind !== "stream" && isTerminal(2))
      tell(`Successfully copied ${humanSize(size)} to ${target}\n`);
  },
});
