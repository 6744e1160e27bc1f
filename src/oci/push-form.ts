/** In which form an image is pushed, by the words of both peers. Pure. */
import { CooperError } from "../errors.ts";

/** As it is asked for; what is not given is left to the image. */
interface FormWords {
  readonly format?: string | undefined;
  readonly compressionFormat?: string | undefined;
  readonly compressionLevel?: number | undefined;
  readonly forceCompression?: boolean | undefined;
}

/** What is sent: the family of media types, and how layers are compressed. */
export interface PushForm {
  readonly family: "oci" | "docker" | null;
  readonly compression: {
    readonly format: "gzip" | "zstd" | null;
    readonly level: number | null;
    readonly isForced: boolean;
  };
}

/** @throws CooperError for a form that is none, or not written */
export function pushForm(words: FormWords): PushForm {
  return {
    family: familyOf(words.format ?? ""),
    compression: {
      format: compressionOf(words.compressionFormat ?? ""),
      level: words.compressionLevel ?? null,
      // a format that is asked for together with a level is meant; without, what is there will do
      isForced: words.forceCompression ?? false,
    },
  };
}

function familyOf(text: string): PushForm["family"] {
  if (text === "") return null;
  if (text === "oci") return "oci";
  if (text === "v2s2" || text === "docker") return "docker";
  if (text === "v2s1")
    throw new CooperError(
      "not-supported",
      "Docker's first format (v2s1) is not written: registries have given it up",
    );
  throw new CooperError("invalid-argument", `unknown format ${JSON.stringify(text)}`, {
    hint: "there are oci and v2s2",
  });
}

function compressionOf(text: string): PushForm["compression"]["format"] {
  if (text === "") return null;
  if (text === "gzip" || text === "zstd") return text;
  if (text === "zstd:chunked")
    throw new CooperError("not-supported", "zstd:chunked is read, and not written yet", {
      hint: "choose --compression-format zstd",
    });
  throw new CooperError("invalid-argument", `unknown compression ${JSON.stringify(text)}`, {
    hint: "there are gzip and zstd",
  });
}
