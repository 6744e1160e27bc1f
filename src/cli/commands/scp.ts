/** `image scp`: an image into the store of another user or machine, or out of it. */
import { flagSwitch, oneOf } from "../../option.ts";
import { defineCommand } from "../command.ts";

export const scp = defineCommand({
  summary: "Copy an image to or from another user or machine",
  usage: "[[USER@]HOST[:PORT]::]IMAGE [[USER@]HOST[:PORT]::]",
  description:
    "Without a second end the image comes into this store. Machines are reached by ssh, and need cooper or podman; USER@localhost:: is the store of another user of this machine, for which root, or sudo, is needed.",
  examples: [
    "cooper image scp app me@web1.example.com::",
    "cooper image scp me@web1.example.com::app",
    "sudo cooper image scp alice@localhost::app root@localhost::",
  ],
  options: {
    format: {
      flag: "--format",
      type: oneOf("oci-archive", "docker-archive"),
      help: "What the image is on its way; the second one loses its manifest",
      defaultText: "oci-archive",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Do not say what was loaded" },
  },
  args: { min: 1, max: 2 },
  completes: "image",
  staysOutside: true, // ssh looks for the keys of whoever calls
  async run({ engine, args: [from = "", to], options }) {
    await engine.images.copyBetweenStores(from, to ?? null, {
      format: options.format ?? "oci-archive",
      isQuiet: options.quiet ?? false,
    });
  },
});
