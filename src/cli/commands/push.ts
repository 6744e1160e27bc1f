/** `push`: images to a registry. */
import { writeFileSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import type { PushedImage, PushOptions } from "../../image/push.ts";
import { formatLocation, parseLocation } from "../../oci/location.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { flagSwitch, integer, listOf, oneOf, path, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { accessOf, accessOptions, retryOptions } from "./registry-options.ts";

const noSigning = "images are not signed yet";

/** How what is pushed is compressed and described. */
export const pushFormOptions = {
  compressionFormat: {
    flag: "--compression-format",
    type: oneOf("gzip", "zstd", "zstd:chunked"),
    help: "How layers are compressed",
    defaultText: "as they came, else gzip",
  },
  compressionLevel: {
    flag: "--compression-level",
    type: integer,
    help: "How well: 1 to 9 for gzip, 1 to 22 for zstd",
  },
  forceCompression: {
    flag: "--force-compression",
    type: flagSwitch,
    help: "Also where the registry has a layer compressed otherwise",
  },
  format: {
    flag: "--format",
    short: "-f",
    type: oneOf("oci", "v2s2", "v2s1"),
    help: "Format of the manifest",
    defaultText: "that of the image",
  },
} as const;

/** Options about signatures, of which there are none yet. */
export const signingOptions = {
  removeSignatures: {
    flag: "--remove-signatures",
    type: flagSwitch,
    help: "Do not copy signatures",
    ignored: "none are copied",
  },
  signBy: { flag: "--sign-by", type: string, help: "GPG key to sign with", refuse: noSigning },
  signBySigstore: {
    flag: "--sign-by-sigstore",
    type: path,
    help: "Parameters of a sigstore signature",
    refuse: noSigning,
  },
  signBySigstoreKey: {
    flag: "--sign-by-sigstore-private-key",
    type: path,
    help: "Private key of a sigstore signature",
    refuse: noSigning,
  },
  signBySequoia: {
    flag: "--sign-by-sq-fingerprint",
    type: string,
    help: "Sequoia key to sign with",
    refuse: noSigning,
  },
  signPassphraseFile: {
    flag: "--sign-passphrase-file",
    type: path,
    help: "Passphrase of the key",
    refuse: noSigning,
  },
} as const;

interface FormWords {
  readonly compress?: boolean | undefined;
  readonly compressionFormat?: "gzip" | "zstd" | "zstd:chunked" | undefined;
  readonly compressionLevel?: number | undefined;
  readonly forceCompression?: boolean | undefined;
  readonly format?: "oci" | "v2s2" | "v2s1" | undefined;
}

/** What was given of them, as the engine takes it. */
export function pushFormOf(options: FormWords): Pick<PushOptions, "family" | "compression"> {
  const { compressionFormat: format, format: manifest } = options;
  if (manifest === "v2s1")
    throw new CooperError(
      "not-supported",
      "Docker's first format (v2s1) is not written: registries have given it up",
    );
  if (format === "zstd:chunked")
    throw new CooperError("not-supported", "zstd:chunked is read, and not written yet", {
      hint: "choose --compression-format zstd",
    });
  return {
    family: manifest === undefined ? null : manifest === "oci" ? "oci" : "docker",
    compression: {
      format: format ?? null,
      level: options.compressionLevel ?? null,
      // a format that is asked for together with a level is meant; without, what is there will do
      isForced: options.forceCompression ?? false,
    },
  };
}

export const push = defineCommand({
  summary: "Push an image to a registry",
  usage: "IMAGE [DESTINATION]",
  description:
    "Layers that the registry has already are left alone, and keep their digests. Without a destination the image goes where its name says.",
  examples: [
    "cooper push localhost:5000/app:1",
    "cooper push app registry.example.com/team/app:1 --creds me:secret",
  ],
  options: {
    allTags: {
      flag: "--all-tags",
      short: "-a",
      type: flagSwitch,
      help: "All tags that images here have in the repository",
    },
    ...accessOptions,
    compress: {
      flag: "--compress",
      type: flagSwitch,
      help: "Compress layers of a directory",
      ignored: "layers for a registry are always compressed",
    },
    ...pushFormOptions,
    digestfile: { flag: "--digestfile", type: path, help: "File that the digest is written to" },
    contentTrust: {
      flag: "--disable-content-trust",
      type: flagSwitch,
      help: "No content trust",
      ignored: "there is none to disable",
    },
    encryptLayer: {
      flag: "--encrypt-layer",
      type: listOf(integer),
      help: "Layers to encrypt",
      refuse: "images are not encrypted",
    },
    encryptionKey: {
      flag: "--encryption-key",
      type: listOf(string),
      help: "Key to encrypt with",
      refuse: "images are not encrypted",
    },
    platform: {
      flag: "--platform",
      type: { ...string, placeholder: "OS[/ARCH[/VARIANT]]" },
      help: "Platform that the image must be for",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only the name, no progress" },
    ...retryOptions,
    ...signingOptions,
  },
  args: { min: 1, max: 2 },
  completes: "image",
  async run({ engine, args, options }) {
    const [name = "", typed = null] = args;
    const destination = typed === null ? null : registryName(typed);
    const { progressOnStderr } = await import("../../image/transfer-progress.ts");
    const how: PushOptions = {
      ...accessOf(options),
      ...pushFormOf(options),
      ...(options.platform !== undefined && { platform: parsePlatform(options.platform) }),
      ...(!options.quiet && { onProgress: progressOnStderr("push") }),
    };
    if (options.allTags && destination !== null)
      throw new CooperError("invalid-argument", "--all-tags takes no destination besides");
    const pushed = options.allTags
      ? await engine.images.pushAllTags(name, how)
      : [await engine.images.push(name, destination, how)];
    if (options.digestfile !== undefined)
      writeFileSync(options.digestfile, pushed.map(({ digest }) => digest).join("\n"));
    for (const one of pushed) print(options.quiet ? `${one.name}\n` : lineOf(one));
  },
});

/** The line that scripts look for in what Docker prints. */
function lineOf({ name, digest, manifestBytes }: PushedImage): string {
  const tag = name.slice(name.lastIndexOf(":") + 1);
  return `${tag}: digest: ${digest} size: ${manifestBytes}\n`;
}

/** A destination without its `docker://`. */
function registryName(text: string): string {
  const location = parseLocation(text);
  if (location === undefined) return text;
  if (location.kind === "docker") return location.name;
  throw new CooperError(
    "not-supported",
    `${formatLocation(location)} is no registry, and a push goes to registries alone`,
    { hint: "write archives and directories with: cooper save" },
  );
}
