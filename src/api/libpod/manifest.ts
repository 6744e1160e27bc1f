/** Manifest lists as Podman asks for them and tells of them. Pure. */
import { CooperError } from "../../errors.ts";
import { type EntryChange, indexDocument, type ManifestList } from "../../oci/manifest-list.ts";
import type { Document } from "../document.ts";

/** What a list goes by: it changes with what is in it. */
export const listId = (list: ManifestList): string =>
  indexDocument(list, "oci").digest.slice("sha256:".length);

/** `KEY=VALUE` in a list beside a map of the same. */
export function annotationsOf(
  texts: readonly string[],
  pairs: Readonly<Record<string, string>>,
): Record<string, string> {
  const given = texts.map((text): [string, string] => {
    const equals = text.indexOf("=");
    if (equals <= 0)
      throw new CooperError("invalid-argument", `invalid annotation ${text}: it is KEY=VALUE`);
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  return { ...pairs, ...Object.fromEntries(given) };
}

/** What a body wants an image of the list to say. */
export function entryChange(body: Document): EntryChange {
  const [architecture, os] = [body.string("Arch"), body.string("OS")];
  const [osVersion, variant] = [body.string("os_version"), body.string("Variant")];
  const [features, osFeatures] = [body.strings("Features"), body.strings("os_features")];
  return {
    platform: {
      ...(architecture !== "" && { architecture }),
      ...(os !== "" && { os }),
      ...(osVersion !== "" && { osVersion }),
      ...(variant !== "" && { variant }),
      ...(features.length > 0 && { features }),
      ...(osFeatures.length > 0 && { osFeatures }),
    },
    annotations: annotationsOf(body.strings("Annotation"), body.pairs("Annotations")),
  };
}

/** What it wants the list itself to say; undefined: nothing. */
export function listChange(
  body: Document,
): { readonly annotations: Record<string, string>; readonly subject: string | null } | undefined {
  const subject = body.string("subject");
  const annotations = annotationsOf(
    body.strings("index_annotation"),
    body.pairs("index_annotations"),
  );
  const isEmpty = subject === "" && Object.keys(annotations).length === 0;
  return isEmpty ? undefined : { annotations, subject: subject === "" ? null : subject };
}
