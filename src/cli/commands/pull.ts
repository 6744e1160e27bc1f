/** `pull` and `import`: images from elsewhere. */
import { CooperError } from "../../errors.ts";
import { parseLocation } from "../../oci/location.ts";
import { anyPlatform, type PlatformChoice, parsePlatform } from "../../oci/platform.ts";
import { flagSwitch, listOf, oneOf, string } from "../../option.ts";
import { isTerminal, readVisibleLine } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { accessOf, accessOptions, retryOptions } from "./registry-options.ts";
import { policyOf, signaturePolicy } from "./trust-options.ts";

const quiet = {
  flag: "--quiet",
  short: "-q",
  type: flagSwitch,
  help: "Only the id, no progress",
} as const;
const platformOptions = {
  arch: { flag: "--arch", type: string, help: "Architecture of the image" },
  os: { flag: "--os", type: string, help: "Operating system of the image" },
  platform: {
    flag: "--platform",
    type: { ...string, placeholder: "OS[/ARCH[/VARIANT]]" },
    help: "Platform of the image",
  },
  variant: { flag: "--variant", type: string, help: "Variant of the architecture" },
} as const;

interface PlatformWords {
  readonly arch?: string | undefined;
  readonly os?: string | undefined;
  readonly platform?: string | undefined;
  readonly variant?: string | undefined;
}

function platformOf(options: PlatformWords): PlatformChoice {
  const chosen = options.platform === undefined ? anyPlatform : parsePlatform(options.platform);
  return {
    os: options.os ?? chosen.os,
    architecture: options.arch ?? chosen.architecture,
    variant: options.variant ?? chosen.variant,
  };
}

export const pull = defineCommand({
  summary: "Pull images from a registry or another place",
  usage: "IMAGE [IMAGE...]",
  description:
    "Registries on loopback may speak plain HTTP. Besides names of registries, images may be oci:PATH[:NAME], oci-archive:PATH[:NAME], docker-archive:PATH[:NAME], dir:PATH, containers-storage:NAME (of Podman and Buildah) or docker-daemon:NAME:TAG.",
  examples: [
    "cooper pull docker.io/library/debian",
    "cooper pull --platform linux/arm64 localhost:5000/app:1",
    "cooper pull containers-storage:localhost/app",
  ],
  options: {
    allTags: {
      flag: "--all-tags",
      short: "-a",
      type: flagSwitch,
      help: "All tags of the repository",
    },
    signaturePolicy,
    ...platformOptions,
    policy: {
      flag: "--policy",
      type: oneOf("always", "missing", "never", "newer"),
      help: "When the registry is asked",
      defaultText: "always",
    },
    quiet,
    ...accessOptions,
    ...retryOptions,
    decryptionKey: {
      flag: "--decryption-key",
      type: listOf(string),
      help: "Key of an encrypted image",
      refuse: "images are not encrypted",
    },
    contentTrust: {
      flag: "--disable-content-trust",
      type: flagSwitch,
      help: "No content trust",
      ignored: "there is none to disable",
    },
  },
  args: { min: 1 },
  completes: "image",
  async run({ engine, args, options, forEach }) {
    const { progressOnStderr } = await import("../../image/transfer-progress.ts");
    const onProgress = options.quiet ? undefined : progressOnStderr();
    const how = {
      policy: options.policy ?? "always",
      platform: platformOf(options),
      ...policyOf(options),
      ...accessOf(options),
      ...(isTerminal(0) && isTerminal(1) && { chooseRegistry }),
      ...(onProgress !== undefined && { onProgress }),
    } as const;
    return forEach(args, async (name) => {
      const location = parseLocation(name);
      if (location !== undefined && location.kind !== "docker") {
        if (options.allTags)
          throw new CooperError("invalid-argument", `"${name}" is no repository of a registry`);
        const loaded = await engine.images.loadFrom(location, how);
        return loaded.map(({ image }) => image.id).join("\n");
      }
      const pulled = options.allTags
        ? await engine.images.pullAllTags(name, how)
        : [await engine.images.pull(name, how)];
      return pulled.map(({ image }) => image.id).join("\n");
    });
  },
});

/** containers-registries.conf(5): enforcing and permissive ask where there is a terminal. */
async function chooseRegistry(name: string, choices: readonly string[]): Promise<number | null> {
  const lines = choices.map((choice, index) => `  ${index + 1}) ${choice}\n`);
  tell(`"${name}" may mean:\n${lines.join("")}Which one [1-${choices.length}]? `);
  const answer = (await readVisibleLine(0)).trim();
  return /^\d+$/.test(answer) ? Number(answer) - 1 : null;
}

export const importImage = defineCommand({
  summary: "Make an image from a tar of a file system",
  usage: "FILE|URL|- [NAME]",
  examples: [
    "cooper import rootfs.tar localhost/base",
    "cooper import --change 'CMD [\"/bin/sh\"]' - base < rootfs.tar",
  ],
  options: {
    change: {
      flag: "--change",
      short: "-c",
      type: listOf({ ...string, placeholder: "INSTRUCTION" }),
      help: "Instruction as in a Dockerfile: CMD, ENV, USER…",
    },
    signaturePolicy,
    message: { flag: "--message", short: "-m", type: string, help: "Text for the history" },
    ...platformOptions,
    quiet,
  },
  args: { min: 1, max: 2 },
  completes: "file",
  async run({ engine, args, options }) {
    const [input = "-", name] = args;
    const image = await engine.images.import({
      input: input === "-" ? null : input,
      name: name ?? null,
      changes: options.change,
      message: options.message ?? null,
      platform: platformOf(options),
      ...policyOf(options),
    });
    print(`sha256:${image.id}\n`);
  },
});
