/** `push`: images to a registry, or another place. */
import { writeFileSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import type { PushedImage, PushOptions } from "../../image/push.ts";
import type { PushLocationOptions } from "../../image/push-location.ts";
import type { Signers } from "../../image/trust/sign-pushed.ts";
import { formatLocation, type ImageLocation, parseLocation } from "../../oci/location.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { pushForm } from "../../oci/push-form.ts";
import { flagSwitch, integer, listOf, oneOf, path, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { accessOf, accessOptions, retryOptions } from "./registry-options.ts";
import { signaturePolicy } from "./trust-options.ts";

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

/** Options about signatures. */
export const signingOptions = {
  removeSignatures: {
    flag: "--remove-signatures",
    type: flagSwitch,
    help: "Do not copy signatures",
    ignored: "none are copied",
  },
  signBy: {
    flag: "--sign-by",
    type: string,
    help: "Key of gpg to sign with: its fingerprint or mail address",
  },
  signBySigstore: {
    flag: "--sign-by-sigstore",
    type: path,
    help: "Parameters of a sigstore signature",
    refuse: "only keys are supported: --sign-by-sigstore-private-key",
  },
  signBySigstoreKey: {
    flag: "--sign-by-sigstore-private-key",
    type: path,
    help: "File of a private key to sign with, as cosign makes them",
  },
  signBySequoia: {
    flag: "--sign-by-sq-fingerprint",
    type: string,
    help: "Sequoia key to sign with",
    refuse: "keys of gpg are used: --sign-by",
  },
  signPassphraseFile: {
    flag: "--sign-passphrase-file",
    type: path,
    help: "File with the passphrase of the key; without it gpg asks",
  },
} as const;

interface FormWords {
  readonly compress?: boolean | undefined;
  readonly compressionFormat?: "gzip" | "zstd" | "zstd:chunked" | undefined;
  readonly compressionLevel?: number | undefined;
  readonly forceCompression?: boolean | undefined;
  readonly format?: "oci" | "v2s2" | "v2s1" | undefined;
}

export const push = defineCommand({
  summary: "Push an image to a registry or another place",
  usage: "IMAGE [DESTINATION]",
  description:
    "Layers that the registry has already are left alone, and keep their digests. Without a destination the image goes where its name says. Other places are oci:PATH[:NAME], oci-archive:PATH[:NAME], docker-archive:PATH[:NAME], dir:PATH, docker-daemon:NAME:TAG, and, where skopeo is installed, containers-storage:NAME.",
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
      help: "Compress layers of a dir: directory; for registries they always are",
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
    signaturePolicy: {
      ...signaturePolicy,
      isHidden: true,
      ignored: "it is for what comes in: what is here was accepted",
    },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Only the name, no progress" },
    ...retryOptions,
    ...signingOptions,
  },
  args: { min: 1, max: 2 },
  completes: "image",
  async run({ engine, args, options }) {
    const [name = "", typed = null] = args;
    const location = typed === null ? undefined : parseLocation(typed);
    if (location !== undefined && location.kind !== "docker") {
      const digest = await engine.images.pushTo(name, location, placeFormOf(options, location));
      if (options.digestfile !== undefined) writeFileSync(options.digestfile, digest);
      print(`${formatLocation(location)}${options.quiet ? "" : `: digest: ${digest}`}\n`);
      return;
    }
    const destination = location?.name ?? typed;
    const { progressOnStderr } = await import("../../image/transfer-progress.ts");
    const how: PushOptions = {
      ...accessOf(options),
      ...pushForm(options),
      signers: signersOf(options),
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

/** Who signs, as the engine takes it. */
export function signersOf(options: {
  readonly signBy?: string | undefined;
  readonly signBySigstoreKey?: string | undefined;
  readonly signPassphraseFile?: string | undefined;
}): Signers {
  const { signBy, signBySigstoreKey, signPassphraseFile } = options;
  return {
    ...(signBy !== undefined && { gpgKey: signBy }),
    ...(signBySigstoreKey !== undefined && { sigstoreKeyFile: signBySigstoreKey }),
    ...(signPassphraseFile !== undefined && { passphraseFile: signPassphraseFile }),
  };
}

interface PlaceWords extends FormWords {
  readonly allTags?: boolean | undefined;
  readonly platform?: string | undefined;
  readonly signBy?: string | undefined;
  readonly signBySigstoreKey?: string | undefined;
}

/** What may be said of an image in an archive, directory or store. */
function placeFormOf(options: PlaceWords, location: ImageLocation): PushLocationOptions {
  const place = formatLocation(location);
  const refuse = (why: string) => new CooperError("invalid-argument", `${place}: ${why}`);
  if (options.allTags) throw refuse("it is no repository of a registry");
  if (options.signBy !== undefined || options.signBySigstoreKey !== undefined)
    throw refuse("images are signed in registries alone");
  if (options.platform !== undefined) throw refuse("--platform goes with registries");
  const { family, compression } = pushForm(options);
  const isOci = location.kind === "oci" || location.kind === "oci-archive";
  const fixed = isOci ? "oci" : location.kind.startsWith("docker-") ? "docker" : null;
  if (family !== null && family !== undefined && fixed !== null && family !== fixed)
    throw refuse(`it holds images in the format ${fixed === "oci" ? "oci" : "v2s2"} alone`);
  const { format = null, level = null } = compression ?? {};
  if ((format !== null || level !== null) && location.kind.startsWith("docker-"))
    throw refuse("its layers are not compressed");
  if (format === "zstd" && family === "docker")
    throw refuse("Docker's format (v2s2) has no zstd layers: choose --format oci");
  const isGzip = level !== null || (options.compress && location.kind === "dir");
  return {
    family: family ?? (format === "zstd" ? "oci" : null),
    compression: format ?? (isGzip ? "gzip" : null),
    level,
  };
}
