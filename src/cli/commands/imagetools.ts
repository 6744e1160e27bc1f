/** `buildx imagetools inspect`: what a registry has of an image, without fetching it. */
import { flagSwitch, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { compileTemplate } from "../template/template.ts";
import { builderOption } from "./builders.ts";
import { accessOf, accessOptions } from "./registry-options.ts";

interface Described {
  readonly mediaType?: string;
  readonly digest?: string;
  readonly size?: number;
  readonly platform?: {
    readonly os?: string;
    readonly architecture?: string;
    readonly variant?: string;
  };
}

export const inspect = defineCommand({
  summary: "Show what a registry has of an image",
  usage: "NAME",
  examples: ["cooper buildx imagetools inspect docker.io/library/debian"],
  options: {
    ...accessOptions,
    builder: builderOption,
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "A Go template; .Name, .Manifest",
    },
    raw: { flag: "--raw", type: flagSwitch, help: "The manifest as it is there" },
  },
  args: { min: 1, max: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args: [name = ""], options }) {
    const { reference, manifest } = await engine.manifests.atRegistry(name, accessOf(options));
    if (options.raw) return print(manifest.text);
    const { registry, repository, tag } = reference;
    const shown = `${registry}/${repository}${tag === null ? `@${manifest.digest}` : `:${tag}`}`;
    const document = JSON.parse(manifest.text) as { readonly manifests?: readonly Described[] };
    const { mediaType, digest } = manifest;
    if (options.format !== undefined) {
      const size = Buffer.byteLength(manifest.text);
      const Manifest = { ...document, mediaType, digest, size };
      return print(`${compileTemplate(options.format).render({ Name: shown, Manifest })}\n`);
    }
    const rows = [
      ["Name:", shown],
      ["MediaType:", mediaType],
      ["Digest:", digest],
    ];
    const entries = (document.manifests ?? []).map((entry) => entryRows(shown, entry));
    const lines = rows.map(([key = "", value]) => `${key.padEnd(10)} ${value}\n`).join("");
    print(entries.length === 0 ? lines : `${lines}\nManifests: \n${entries.join("\n")}`);
  },
});

function entryRows(name: string, { mediaType, digest, platform }: Described): string {
  const { os = "", architecture = "", variant = "" } = platform ?? {};
  const shown = [os, architecture, variant].filter((part) => part !== "").join("/");
  const bare = name.replace(/@sha256:.*$|:[^/:]+$/, "");
  const rows = [
    ["Name:", `${bare}@${digest ?? ""}`],
    ["MediaType:", mediaType ?? ""],
    ["Platform:", shown],
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([key = "", value]) => `  ${key.padEnd(10)} ${value}\n`)
    .join("");
}
