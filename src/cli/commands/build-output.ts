/** Where the result of a build goes, as it is typed. */
import type { BuildOutput } from "../../build/output.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch } from "../../option.ts";
import { pairs } from "../pairs.ts";

type ImageOutput = Extract<BuildOutput, { readonly kind: "image" }>;

const image: ImageOutput = {
  kind: "image",
  names: [],
  pushes: false,
  isByDigest: false,
  compression: { format: null, level: null, isForced: false },
};

/** All outputs that `--output`, `--push` and `--load` ask for. */
export function outputsOf(
  texts: readonly string[],
  { push, load }: { readonly push?: boolean | undefined; readonly load?: boolean | undefined },
): BuildOutput[] {
  const outputs = texts.map(outputOf);
  const hasImage = outputs.some(({ kind }) => kind === "image");
  const all = (push || load) && !hasImage ? [...outputs, image] : outputs;
  return all.map((output) =>
    push && output.kind === "image" ? { ...output, pushes: true } : output,
  );
}

/** `DIR`, `-` for a tar, or `type=TYPE,dest=PATH`. */
function outputOf(text: string): BuildOutput {
  if (text === "-") return { kind: "tar", destination: "-" };
  if (!/^"?[a-z-]+=/.test(text)) return { kind: "local", destination: text };
  const { type = "image", ...more } = pairs(fieldsOf(text), "output");
  if (type === "image" || type === "registry") return imageOutput(type, more);
  const { dest: destination, ...rest } = more;
  assertNone(rest);
  const known = (["local", "tar", "docker", "oci"] as const).find((kind) => kind === type);
  if (known === undefined)
    throw new CooperError("not-supported", `--output: the type ${type} is not supported`, {
      hint: "there are image, registry, local, tar, docker and oci",
    });
  if (destination === undefined)
    throw new CooperError("invalid-argument", `--output: dest is required for type ${type}`);
  return { kind: known, destination };
}

function imageOutput(type: string, words: Readonly<Record<string, string>>): ImageOutput {
  const {
    name = "",
    push,
    "push-by-digest": byDigest,
    compression,
    "compression-level": level,
    "force-compression": forced,
    "oci-mediatypes": ociTypes,
    store,
    ...rest
  } = words;
  assertNone(rest);
  if (ociTypes !== undefined && !truth("oci-mediatypes", ociTypes))
    throw new CooperError("not-supported", "--output: oci-mediatypes=false is not supported", {
      hint: "--format docker makes images in Docker's format",
    });
  if (store !== undefined && !truth("store", store))
    throw new CooperError("not-supported", "--output: store=false is not supported", {
      hint: "what is built is in the store; remove it afterwards with: cooper rmi NAME",
    });
  return {
    kind: "image",
    names: name.split(",").filter((one) => one !== ""),
    pushes: type === "registry" || (push !== undefined && truth("push", push)),
    isByDigest: byDigest !== undefined && truth("push-by-digest", byDigest),
    compression: compressionOf(compression, level, forced),
  };
}

/** As BuildKit spells compression, for what goes to a registry. */
export function compressionOf(
  format: string | undefined,
  level: string | undefined,
  forced: string | undefined,
): ImageOutput["compression"] {
  if (format !== undefined && format !== "gzip" && format !== "zstd")
    throw new CooperError("not-supported", `the compression ${format} is not supported`, {
      hint: "there are gzip and zstd",
    });
  if (level !== undefined && !/^\d{1,2}$/.test(level))
    throw new CooperError("invalid-argument", `invalid compression level "${level}"`);
  return {
    format: format ?? null,
    level: level === undefined ? null : Number(level),
    isForced: forced !== undefined && truth("force-compression", forced),
  };
}

function assertNone(words: Readonly<Record<string, string>>): void {
  const [unknown] = Object.keys(words);
  if (unknown !== undefined)
    throw new CooperError("not-supported", `--output: ${unknown} is not supported`);
}

/** Go's words for true and false, as the value of a key. */
export function truth(name: string, text: string): boolean {
  try {
    return flagSwitch.parse(text);
  } catch {
    throw new CooperError("invalid-argument", `${name}=${text} is neither true nor false`);
  }
}

/** Fields between commas; one that has commas itself is in quotes: `type=image,"name=a,b"`. */
export function fieldsOf(text: string): string[] {
  const fields = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return fields.map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}
