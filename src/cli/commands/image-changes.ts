/** Commands that add, name and remove images. */
import { CooperError } from "../../errors.ts";
import { anyPlatform, parsePlatform } from "../../oci/platform.ts";
import { flagSwitch, listOf, path, string } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { isConfirmed } from "../confirm.ts";
import { humanSize } from "../human.ts";
import { print, tell } from "../output.ts";
import { RemovalStatus } from "../removal-status.ts";
import { policyOf, signaturePolicy } from "./trust-options.ts";

const quiet = {
  flag: "--quiet",
  short: "-q",
  type: flagSwitch,
  help: "Only results, no progress",
} as const;
const platform = {
  flag: "--platform",
  type: { ...string, placeholder: "OS[/ARCH[/VARIANT]]" },
  help: "Platform of the image",
} as const;

export const load = defineCommand({
  summary: "Load images from an archive or directory",
  usage: "",
  description: "Reads docker and OCI archives and directories, plain or compressed.",
  examples: ["cooper load -i image.tar", "xz -dc image.tar.xz | cooper load"],
  options: {
    input: {
      flag: "--input",
      short: "-i",
      type: path,
      help: "A file or directory; without it, standard input",
    },
    platform,
    quiet,
    signaturePolicy,
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    if (options.input === undefined && isTerminal(0)) {
      throw new CooperError("invalid-argument", "standard input is a terminal, not an archive", {
        hint: "cooper load -i FILE",
      });
    }
    const choice = options.platform === undefined ? anyPlatform : parsePlatform(options.platform);
    for (const { names, image } of await engine.images.load({
      input: options.input ?? null,
      platform: choice,
      ...policyOf(options),
    })) {
      for (const name of names.length > 0 ? names : [`sha256:${image.id}`])
        print(`Loaded image: ${name}\n`);
    }
  },
});

export const tag = defineCommand({
  summary: "Give an image another name",
  usage: "IMAGE NAME [NAME...]",
  options: {},
  args: { min: 2 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args }) {
    await engine.images.tag(args[0] ?? "", args.slice(1));
  },
});

export const untag = defineCommand({
  summary: "Take names from an image",
  usage: "IMAGE [NAME...]",
  options: {},
  args: { min: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args }) {
    await engine.images.untag(args[0] ?? "", args.slice(1));
  },
});

export const rm = defineCommand({
  summary: "Remove images",
  usage: "[IMAGE...]",
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "All images" },
    force: {
      flag: "--force",
      short: "-f",
      type: flagSwitch,
      help: "Also with several names, or while containers use it: they keep their files",
    },
    ignore: {
      flag: "--ignore",
      short: "-i",
      type: flagSwitch,
      help: "An image that does not exist is no error",
    },
    noPrune: {
      flag: "--no-prune",
      type: flagSwitch,
      help: "Keep untagged images that it was built on",
    },
    platform: {
      flag: "--platform",
      type: listOf(string),
      help: "Only that platform of it",
      refuse: "images are kept for one platform each",
    },
  },
  args: { min: 0 },
  completes: "image",
  async run({ engine, args, options, forEach }) {
    if (options.all && args.length > 0)
      throw new CooperError("invalid-argument", "name images, or use --all: only one of them");
    if (!options.all && args.length === 0)
      throw new CooperError("invalid-argument", "no image was named", {
        hint: "name one or more, or use --all",
      });
    const names = options.all
      ? (await engine.images.list({ all: true })).map(({ image }) => image.id)
      : args;
    const how = {
      force: (options.force ?? false) || (options.all ?? false),
      keepsParents: options.noPrune ?? false,
    };
    const exit = new RemovalStatus();
    const status = await forEach(names, async (name) => {
      try {
        const { untagged, deleted } = await engine.images.remove(name, how);
        const lines = [
          ...untagged.map((gone) => `Untagged: ${gone}`),
          ...deleted.map((id) => `Deleted: ${id}`),
        ];
        return lines.length > 0 ? lines.join("\n") : undefined;
      } catch (error) {
        const isMissing = error instanceof CooperError && error.code === "no-such-image";
        // with --all it went with another one; -f does not mind a missing one, as with containers
        if (isMissing && (options.ignore || options.all || options.force)) return undefined;
        return exit.note(error);
      }
    });
    return exit.of(status);
  },
});

export const prune = defineCommand({
  summary: "Remove images that nothing uses",
  usage: "",
  options: {
    all: {
      flag: "--all",
      short: "-a",
      type: flagSwitch,
      help: "Also images with names, if no container uses them",
    },
    buildCache: {
      flag: "--build-cache",
      type: flagSwitch,
      help: "The build cache too",
      refuse: "there is no build cache yet",
    },
    external: {
      flag: "--external",
      type: flagSwitch,
      help: "Containers of other tools too",
      refuse: "other tools have stores of their own",
    },
    filter: {
      flag: "--filter",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only those that match",
    },
    force: { flag: "--force", short: "-f", type: flagSwitch, help: "Do not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ engine, options }) {
    const what = options.all
      ? "all images that no container uses"
      : "all images without a name that nothing uses";
    if (!options.force && !(await isConfirmed(`This removes ${what}.`))) return;
    const { deleted, reclaimedBytes } = await engine.images.prune({
      all: options.all ?? false,
      filters: options.filter,
    });
    print(deleted.map((id) => `${id}\n`).join(""));
    if (deleted.length > 0) tell(`Reclaimed ${humanSize(reclaimedBytes)}\n`);
  },
});
