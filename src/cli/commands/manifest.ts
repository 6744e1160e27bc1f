/** Commands on manifest lists. */
import { writeFileSync } from "node:fs";
import { CooperError } from "../../errors.ts";
import { type EntryChange, indexDocument, type ManifestList } from "../../oci/manifest-list.ts";
import { anyPlatform } from "../../oci/platform.ts";
import { pushForm } from "../../oci/push-form.ts";
import { flagSwitch, listOf, path, string } from "../../option.ts";
import type { AccessOptions } from "../../registry/access.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { pairs } from "../pairs.ts";
import { pushFormOptions, signersOf, signingOptions } from "./push.ts";
import { accessOf, accessOptions } from "./registry-options.ts";

const noArtifacts = "a list holds images, not artifacts";
const annotation = {
  flag: "--annotation",
  type: listOf({ ...string, placeholder: "KEY=VALUE" }),
  help: "Set an annotation",
} as const;
const insecure = {
  flag: "--insecure",
  type: flagSwitch,
  help: "The registry's certificate is not checked, and plain HTTP will do",
} as const;
const all = { flag: "--all", type: flagSwitch, help: "All images of an index" } as const;
const platformOptions = {
  arch: { flag: "--arch", type: string, help: "Architecture" },
  features: { flag: "--features", type: listOf(string), help: "Features of the processor" },
  os: { flag: "--os", type: string, help: "Operating system" },
  osVersion: { flag: "--os-version", type: string, help: "Version of the operating system" },
  variant: { flag: "--variant", type: string, help: "Variant of the architecture" },
} as const;

interface ChangeWords {
  readonly annotation: readonly string[];
  readonly arch?: string | undefined;
  readonly features?: readonly string[];
  readonly os?: string | undefined;
  readonly osFeatures?: readonly string[];
  readonly osVersion?: string | undefined;
  readonly variant?: string | undefined;
}

function changeOf(options: ChangeWords): EntryChange {
  const { arch, os, osVersion, variant, features = [], osFeatures = [] } = options;
  return {
    platform: {
      ...(arch !== undefined && { architecture: arch }),
      ...(os !== undefined && { os }),
      ...(osVersion !== undefined && { osVersion }),
      ...(variant !== undefined && { variant }),
      ...(features.length > 0 && { features }),
      ...(osFeatures.length > 0 && { osFeatures }),
    },
    annotations: pairs(options.annotation, "annotation"),
  };
}

type Access = Parameters<typeof accessOf>[0] & { readonly insecure?: boolean | undefined };

const accessTo = (options: Access): AccessOptions => ({
  ...accessOf(options),
  ...(options.insecure && { tlsVerify: false }),
});

const idOf = (list: ManifestList): string =>
  indexDocument(list, "oci").digest.slice("sha256:".length);

export const create = defineCommand({
  summary: "Make a manifest list",
  usage: "LIST [IMAGE...]",
  examples: [
    "cooper manifest create localhost/app:1",
    "cooper manifest create app app-amd64 app-arm64",
  ],
  options: {
    all,
    amend: { flag: "--amend", short: "-a", type: flagSwitch, help: "Go on with one that is there" },
    annotation,
    authfile: accessOptions.authfile,
    insecure,
    tlsVerify: accessOptions.tlsVerify,
  },
  args: { min: 1 },
  completes: "image",
  async run({ engine, args: [name = "", ...images], options }) {
    const list = await engine.manifests.create(name, images, {
      ...accessTo(options),
      isAll: options.all ?? false,
      platform: anyPlatform,
      change: { platform: {}, annotations: {} },
      isAmending: options.amend ?? false,
      annotations: pairs(options.annotation, "annotation"),
    });
    print(`${idOf(list)}\n`);
  },
});

export const add = defineCommand({
  summary: "Add images to a manifest list",
  usage: "LIST IMAGE [IMAGE...]",
  description:
    "An image may be here or at a registry. Of an index, the image for this machine is added, or for the platform that is named; --all adds all.",
  examples: [
    "cooper manifest add app app-arm64 --arch arm64",
    "cooper manifest add --all app docker://debian",
  ],
  options: {
    all,
    annotation,
    artifact: { flag: "--artifact", type: flagSwitch, help: "Add files", refuse: noArtifacts },
    artifactConfig: {
      flag: "--artifact-config",
      type: path,
      help: "Its configuration",
      refuse: noArtifacts,
    },
    artifactConfigType: {
      flag: "--artifact-config-type",
      type: string,
      help: "Its type",
      refuse: noArtifacts,
    },
    artifactExcludeTitles: {
      flag: "--artifact-exclude-titles",
      type: flagSwitch,
      help: "Without titles",
      refuse: noArtifacts,
    },
    artifactLayerType: {
      flag: "--artifact-layer-type",
      type: string,
      help: "Type of its files",
      refuse: noArtifacts,
    },
    artifactSubject: {
      flag: "--artifact-subject",
      type: string,
      help: "What it is about",
      refuse: noArtifacts,
    },
    artifactType: { flag: "--artifact-type", type: string, help: "Its type", refuse: noArtifacts },
    ...accessOptions,
    insecure,
    ...platformOptions,
  },
  args: { min: 2 },
  completes: "image",
  async run({ engine, args: [name = "", ...images], options }) {
    const { arch = null, os = null, variant = null } = options;
    const list = await engine.manifests.add(name, images, {
      ...accessTo(options),
      isAll: options.all ?? false,
      platform: { os, architecture: arch, variant },
      change: changeOf(options),
    });
    print(`${idOf(list)}\n`);
  },
});

export const annotate = defineCommand({
  summary: "Change what a manifest list says of an image",
  usage: "LIST [IMAGE|DIGEST]",
  examples: ["cooper manifest annotate app app-arm64 --arch arm64 --variant v8"],
  options: {
    annotation,
    index: { flag: "--index", type: flagSwitch, help: "Of the list itself" },
    ...platformOptions,
    osFeatures: {
      flag: "--os-features",
      type: listOf(string),
      help: "Features of the operating system",
    },
    subject: { flag: "--subject", type: string, help: "Image that the list is about" },
  },
  args: { min: 1, max: 2 },
  completes: "image",
  async run({ engine, args: [name = "", image = null], options }) {
    if (image === null && !options.index && options.subject === undefined)
      throw new CooperError("invalid-argument", "name the image, or the list itself with --index");
    const list = await engine.manifests.annotate(name, options.index ? null : image, {
      change: changeOf(options),
      subject: options.subject ?? null,
    });
    print(`${idOf(list)}\n`);
  },
});

export const exists = defineCommand({
  summary: "Tell by the exit status whether a manifest list exists",
  usage: "LIST",
  options: {},
  args: { min: 1, max: 1 },
  completes: "none",
  staysOutside: true,
  run: async ({ engine, args: [name = ""] }) =>
    (await engine.manifests.find(name)) === undefined ? 1 : 0,
});

export const inspect = defineCommand({
  summary: "Show a manifest list, or a manifest at a registry",
  usage: "LIST|IMAGE",
  description:
    "A list that is put together here, the manifest of an image here, or else what its registry has.",
  examples: ["cooper manifest inspect app", "cooper manifest inspect docker.io/library/debian"],
  options: {
    authfile: accessOptions.authfile,
    insecure,
    tlsVerify: accessOptions.tlsVerify,
    verbose: { flag: "--verbose", short: "-v", type: flagSwitch, help: "With name and descriptor" },
  },
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args: [name = ""], options }) {
    const list = await engine.manifests.find(name);
    const text =
      list === undefined ? await engine.manifests.ofImage(name) : indexDocument(list, "oci").text;
    if (text !== undefined && !options.verbose) return print(withIndent(text));
    const { reference, manifest } = await engine.manifests.atRegistry(name, accessTo(options));
    if (!options.verbose) return print(withIndent(manifest.text));
    const { registry, repository, tag } = reference;
    const { mediaType, digest } = manifest;
    const Descriptor = { mediaType, digest, size: Buffer.byteLength(manifest.text) };
    const Ref = `${registry}/${repository}${tag === null ? `@${digest}` : `:${tag}`}`;
    const kind = manifest.kind === "index" ? "ManifestList" : "SchemaV2Manifest";
    print(`${JSON.stringify({ Ref, Descriptor, [kind]: JSON.parse(manifest.text) }, null, 4)}\n`);
  },
});

const withIndent = (text: string): string => `${JSON.stringify(JSON.parse(text), null, 4)}\n`;

export const push = defineCommand({
  summary: "Push a manifest list and its images to a registry",
  usage: "LIST [DESTINATION]",
  examples: ["cooper manifest push app registry.example.com/team/app:1"],
  options: {
    addCompression: {
      flag: "--add-compression",
      type: listOf(string),
      help: "Images compressed in other ways too",
      refuse: "each image of a list is pushed in one form",
    },
    all: { flag: "--all", type: flagSwitch, help: "Push the images too", defaultText: "true" },
    ...accessOptions,
    ...pushFormOptions,
    digestfile: { flag: "--digestfile", type: path, help: "File that the digest is written to" },
    insecure,
    purge: { flag: "--purge", short: "-p", type: flagSwitch, help: "As --rm" },
    quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "No progress" },
    rm: { flag: "--rm", type: flagSwitch, help: "Remove the list here once it is there" },
    ...signingOptions,
  },
  args: { min: 1, max: 2 },
  completes: "image",
  async run({ engine, args: [name = "", destination], options }) {
    const { progressOnStderr } = await import("../../image/transfer-progress.ts");
    const pushed = await engine.manifests.push(name, destination ?? null, {
      ...accessTo(options),
      ...pushForm(options),
      signers: signersOf(options),
      withImages: options.all ?? true,
      isRemoved: (options.rm || options.purge) ?? false,
      ...(!options.quiet && { onProgress: progressOnStderr("push") }),
    });
    if (options.digestfile !== undefined) writeFileSync(options.digestfile, pushed.digest);
    print(`${pushed.digest}\n`);
  },
});

export const remove = defineCommand({
  summary: "Take an image out of a manifest list",
  usage: "LIST IMAGE|DIGEST",
  options: {},
  args: { min: 2, max: 2 },
  completes: "none",
  staysOutside: true,
  async run({ engine, args: [name = "", image = ""] }) {
    print(`${idOf(await engine.manifests.remove(name, image))}\n`);
  },
});

export const rm = defineCommand({
  summary: "Remove manifest lists",
  usage: "LIST [LIST...]",
  options: {
    ignore: {
      flag: "--ignore",
      short: "-i",
      type: flagSwitch,
      help: "One that is not there is no error",
    },
  },
  args: { min: 1 },
  completes: "none",
  staysOutside: true,
  run: ({ engine, args, options, forEach }) =>
    forEach(args, async (name) => {
      if (options.ignore && (await engine.manifests.find(name)) === undefined) return undefined;
      return engine.manifests.delete(name);
    }),
});
