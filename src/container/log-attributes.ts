/** What is told of a container with its output (pure): the tag, and the attributes of `logs --details`. */

import { labelsOf } from "./process-of.ts";
import type { ContainerRecord } from "./record.ts";

type Told = Pick<ContainerRecord, "id" | "name" | "imageId" | "spec" | "resolved">;

/** What may stand between braces in a tag: the names of docker-run(1), `--log-opt tag`. */
const tagFields: Readonly<Record<string, (container: Told) => string>> = {
  ID: ({ id }) => id.slice(0, 12),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => (imageId ?? "").slice(0, 12),
  ImageFullID: ({ imageId }) => imageId ?? "",
  ImageName: ({ resolved }) => resolved.imageName,
  DaemonName: () => "cooper",
};

const inBraces = /\{\{(.*?)\}\}/g;

/** Throws an Error that names what a tag cannot say. */
export function checkLogTag(text: string): string {
  for (const [whole, inside = ""] of text.matchAll(inBraces)) {
    const field = inside.trim().replace(/^\./, "");
    if (!Object.hasOwn(tagFields, field))
      throw new Error(`the tag's ${whole} is none of ${Object.keys(tagFields).join(", ")}`);
  }
  return text;
}

/** A tag with what stands between its braces filled in. */
export function logTagOf(text: string, container: Told): string {
  return text.replace(inBraces, (whole, inside: string) => {
    const field = tagFields[inside.trim().replace(/^\./, "")];
    return field === undefined ? whole : field(container);
  });
}

/** Throws an Error for what is no regular expression. */
export function checkPattern(text: string): string {
  new RegExp(text);
  return text;
}

/**
 * `X=y,a=1`: the labels and variables that `--log-opt labels`, `env`, their `-regex` forms and `tag` name, in
 * order of their names and escaped as in a query of a URL, as Docker shows them.
 */
export function logAttributes(container: Told): string {
  const { labels, env, tag, ...rest } = container.spec.log.options;
  const image = container.resolved.imageConfig;
  const attributes = new Map<string, string>();
  const collect = (all: ReadonlyMap<string, string>, names = "", pattern?: string) => {
    const wanted = new Set(names.split(","));
    const isLike = pattern === undefined ? null : new RegExp(pattern);
    for (const [name, value] of all)
      if (wanted.has(name) || isLike?.test(name)) attributes.set(name, value);
  };
  collect(new Map(Object.entries(labelsOf(container.spec, image))), labels, rest["labels-regex"]);
  collect(
    variables([...(image?.config?.Env ?? []), ...container.spec.env]),
    env,
    rest["env-regex"],
  );
  if (tag !== undefined) attributes.set("tag", logTagOf(tag, container));
  return [...attributes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.map(escaped).join("="))
    .join(",");
}

function variables(entries: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** Go's url.QueryEscape: all but letters, digits and `-_.~`, a space as `+`. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
