/** Content descriptors (image-spec, descriptor.md). */
import { CooperError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { decodeStrings, isObject } from "./json.ts";
import { decodePlatform, type Platform } from "./platform.ts";

/** What names other content, by type, digest and size. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** In an index. */
  readonly platform: Platform | null;
}

/** Decodes a descriptor; `where` names it in errors. */
export function decodeDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw new CooperError("corrupt", `${where} is no descriptor`);
  const { mediaType, size } = value;
  if (typeof mediaType !== "string" || mediaType === "") {
    throw new CooperError("corrupt", `${where} has no media type`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new CooperError("corrupt", `${where} has no valid size`);
  }
  return {
    mediaType,
    digest: parseDigest(value.digest, where),
    size,
    annotations: decodeStrings(value.annotations, `${where}: annotations`),
    platform:
      value.platform === undefined || value.platform === null
        ? null
        : decodePlatform(value.platform, where),
  };
}
