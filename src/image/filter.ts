/** Filters of `images` and `image prune`: `key=value` as docker-images(1) and podman-images(1) know them. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseMoment } from "../moment.ts";
import { parseName } from "../oci/reference.ts";
import type { ImageSummary } from "./list.ts";
import { resolveImage } from "./resolve.ts";

type Test = (summary: ImageSummary, value: string) => boolean;

/** Values of one key are alternatives, different keys must all hold; labels must all hold. */
export function imageFilter(
  host: Host,
  filters: readonly string[],
): (summary: ImageSummary) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const [, key = "", value = ""] = /^([a-z]+!?)=(.*)$/s.exec(filter) ?? [];
    // a filter without a key is a name, as for `podman images NAME`
    const [name, wanted] = key === "" ? ["reference", filter] : [key, value];
    byKey.set(name, [...(byKey.get(name) ?? []), wanted]);
  }
  const tests = [...byKey].map(([key, values]) => {
    const test = testFor(host, key);
    const isAll = key === "label" || key === "label!";
    return (summary: ImageSummary) =>
      isAll
        ? values.every((value) => test(summary, value))
        : values.some((value) => test(summary, value));
  });
  return (summary) => tests.every((test) => test(summary));
}

function testFor(host: Host, key: string): Test {
  switch (key) {
    case "id":
      return ({ image }, value) => image.id.startsWith(value.replace(/^sha256:/, ""));
    case "reference":
      return ({ image }, value) =>
        [...image.names, ...image.repoDigests].some((name) => matchesReference(name, value));
    case "dangling":
      return (summary, value) => summary.isDangling === truth(key, value);
    case "intermediate":
      return (summary, value) => summary.isIntermediate === truth(key, value);
    case "containers":
      return (summary, value) => summary.containers > 0 === truth(key, value);
    case "label":
      return (summary, value) => hasLabel(summary, value);
    case "label!":
      return (summary, value) => !hasLabel(summary, value);
    case "before":
    case "since":
    case "after":
      return createdBeside(host, key);
    case "until":
      return ({ image }, value) => image.createdAt < parseMoment(value);
    case "digest":
      return ({ image }, value) => (image.manifestDigest ?? "").startsWith(value);
    case "manifest":
    case "readonly":
      return (_, value) => !truth(key, value); // no stored manifest lists, no second read-only store
    default:
      throw new CooperError("invalid-argument", `unknown filter "${key}"`, {
        hint: "id, reference, dangling, label, before, since, until, containers, intermediate, digest",
      });
  }
}

function truth(key: string, value: string): boolean {
  if (["1", "t", "true", "True", "TRUE"].includes(value)) return true;
  if (["0", "f", "false", "False", "FALSE"].includes(value)) return false;
  throw new CooperError(
    "invalid-argument",
    `invalid filter "${key}=${value}": must be true or false`,
  );
}

function hasLabel({ image }: ImageSummary, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const value = image.config.config?.Labels?.[equals < 0 ? wanted : wanted.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === wanted.slice(equals + 1));
}

function createdBeside(host: Host, key: "before" | "since" | "after"): Test {
  return ({ image }, value) => {
    const other = resolveImage(host, value);
    if (image.id === other.id) return false;
    return key === "before" ? image.createdAt < other.createdAt : image.createdAt > other.createdAt;
  };
}

/**
 * A pattern of path.Match (`*` and `?` stay within a part, `[a-z]`), against the whole name, or as many of
 * its last parts as the pattern has; without a tag it takes all.
 */
export function matchesReference(name: string, pattern: string): boolean {
  const end = name.indexOf("@") < 0 ? name.lastIndexOf(":") : name.indexOf("@");
  const repository = name.slice(0, end);
  const parts = pattern.split("/").length;
  const tails = (text: string) => [text, text.split("/").slice(-parts).join("/")];
  const expression = globExpression(pattern);
  const hasTag = /[:@]/.test(pattern.slice(pattern.lastIndexOf("/") + 1));
  return [...tails(name), ...(hasTag ? [] : tails(repository))].some((text) =>
    expression.test(text),
  );
}

function globExpression(pattern: string): RegExp {
  if (!/[*?[]/.test(pattern)) parseName(pattern); // says what is wrong with a name that cannot be
  const source = pattern.slice(0, 512).replace(/\[[^\]/]+\]|[*?]|[\\^$.|+(){}[\]]/g, (token) => {
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    return token.length > 1 ? token.replace(/\\/g, "\\\\") : `\\${token}`;
  });
  try {
    return new RegExp(`^${source}$`);
  } catch (cause) {
    throw new CooperError("invalid-argument", `invalid pattern "${pattern}" in a filter`, {
      cause,
    });
  }
}
