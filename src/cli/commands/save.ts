/** `save`: images into an archive or directory. */
import { CooperError } from "../../errors.ts";
import type { SaveFormat } from "../../image/save.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { flagSwitch, oneOf, path, string } from "../../option.ts";
import { isTerminal } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { printBytes } from "../output.ts";

export const save = defineCommand({
  summary: "Write images to an archive or directory",
  usage: "IMAGE [IMAGE...]",
  description:
    "All images go into one archive, each under the names that were given for it; a name without a tag means all\n" +
    "tags of its repository there. An image that came with a manifest keeps it in the OCI and docker-dir formats,\n" +
    "wherever its layers come out as they were.",
  examples: [
    "cooper save -o box.tar example.com/box:1",
    "cooper save a b | ssh host cooper load",
    "cooper save --format oci-dir -o layout example.com/box:1",
  ],
  options: {
    compress: {
      flag: "--compress",
      type: flagSwitch,
      help: "Compress layers with gzip, also where the manifest then is another one (not docker-archive)",
    },
    format: {
      flag: "--format",
      type: oneOf("docker-archive", "oci-archive", "oci-dir", "docker-dir"),
      help: "What is written",
      defaultText: "docker-archive",
    },
    multiImageArchive: {
      flag: "--multi-image-archive",
      short: "-m",
      type: flagSwitch,
      help: "Several images in one archive",
      ignored: "several images always go into one archive",
    },
    output: {
      flag: "--output",
      short: "-o",
      type: path,
      help: "A file or directory; without it, standard output",
    },
    platform: {
      flag: "--platform",
      type: { ...string, placeholder: "OS[/ARCH[/VARIANT]]" },
      help: "Fail when the image is for another platform",
    },
    quiet: {
      flag: "--quiet",
      short: "-q",
      type: flagSwitch,
      help: "No progress",
      ignored: "there is none to hide",
    },
    uncompressed: {
      flag: "--uncompressed",
      type: flagSwitch,
      help: "Do not compress layers (OCI formats)",
    },
  },
  args: { min: 1 },
  completes: "image",
  async run({ engine, args, options }) {
    const format = options.format ?? "docker-archive";
    if (options.output === undefined) assertPipe(format);
    await engine.images.save(args, {
      format,
      output: options.output ?? printBytes,
      compression: compressionOf(format, options.compress ?? false, options.uncompressed ?? false),
      platform: options.platform === undefined ? null : parsePlatform(options.platform),
    });
  },
});

function assertPipe(format: SaveFormat): void {
  if (format.endsWith("-dir")) {
    throw new CooperError("invalid-argument", `the format ${format} needs a directory`, {
      hint: "name one with --output DIRECTORY",
    });
  }
  if (isTerminal(1)) {
    throw new CooperError("invalid-argument", "an archive is not written to a terminal", {
      hint: "name a file with --output FILE, or send it through a pipe",
    });
  }
}

function compressionOf(
  format: SaveFormat,
  compress: boolean,
  uncompressed: boolean,
): "gzip" | "none" | null {
  if (compress && uncompressed)
    throw new CooperError("invalid-argument", "--compress and --uncompressed exclude each other");
  if (compress && format === "docker-archive") {
    throw new CooperError(
      "invalid-argument",
      "--compress: layers in a docker-archive are never compressed",
      {
        hint: "compress the whole of it: cooper save IMAGE | gzip > FILE, which cooper load reads",
      },
    );
  }
  if (compress) return "gzip";
  return uncompressed ? "none" : null;
}
