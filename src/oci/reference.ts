/** Names of images: `registry/repository:tag@digest` (distribution/reference, its grammar and limits). */
import { CooperError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/** A name as it was typed. */
export interface ParsedName {
  /** `quay.io`, `localhost:5000`; null for a short name such as `alpine` or `user/app`. */
  readonly registry: string | null;
  /** `library/alpine` */
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: Digest | null;
}

/** A name with its registry. */
export interface Reference extends ParsedName {
  readonly registry: string;
}

const repositoryPart = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const hostPart = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const host = `(?:${hostPart}(?:\\.${hostPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?`;
const hostPattern = new RegExp(`^${host}$`);
const repositoryPattern = new RegExp(`^${repositoryPart}(?:/${repositoryPart})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;

/**
 * Parses a name as the user typed it.
 *
 * @throws CooperError invalid-argument that says what is wrong
 */
export function parseName(text: string): ParsedName {
  const name = text.replace(/^docker:\/\//, "");
  const invalid = (why: string) =>
    new CooperError("invalid-argument", `invalid image name "${text.slice(0, 300)}": ${why}`);
  if (name.length > 1000) throw invalid("it is too long");
  const at = name.indexOf("@");
  const digest = at < 0 ? null : name.slice(at + 1);
  if (digest !== null && !isDigest(digest))
    throw invalid("its digest is not sha256: and 64 hexadecimal digits");
  const tagged = at < 0 ? name : name.slice(0, at);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const tag = hasTag ? tagged.slice(colon + 1) : null;
  if (tag !== null && !tagPattern.test(tag)) {
    throw invalid("a tag has at most 128 letters, digits, and _ . - inside");
  }
  const path = hasTag ? tagged.slice(0, colon) : tagged;
  const { registry, repository } = splitRegistry(path);
  if (registry !== null && !hostPattern.test(registry))
    throw invalid("its registry is no host name");
  if (!repositoryPattern.test(repository)) {
    throw invalid(
      /[A-Z]/.test(repository)
        ? "it must be in lower case"
        : "it must be of the form [registry/]name[:tag][@digest]",
    );
  }
  if (path.length > 255) throw invalid("it has more than 255 characters");
  return { registry, repository, tag, digest };
}

/** The first part is a registry when it could not be the first part of a repository on Docker Hub. */
function splitRegistry(path: string): { registry: string | null; repository: string } {
  const slash = path.indexOf("/");
  const first = slash < 0 ? "" : path.slice(0, slash);
  if (first === "" || (!/[.:A-Z]/.test(first) && first !== "localhost"))
    return { registry: null, repository: path };
  const rest = path.slice(slash + 1);
  if (first === "docker.io" || first === "index.docker.io") {
    return { registry: "docker.io", repository: rest.includes("/") ? rest : `library/${rest}` };
  }
  return { registry: first, repository: rest };
}

/** The reference that a short name means at a registry; Docker Hub keeps single words under `library/`. */
export function atRegistry(name: ParsedName, registry: string): Reference {
  const isBare = registry === "docker.io" && !name.repository.includes("/");
  return { ...name, registry, repository: isBare ? `library/${name.repository}` : name.repository };
}

/** With the tag `latest` where neither tag nor digest is given. */
export function withDefaultTag<T extends ParsedName>(name: T): T {
  return name.tag === null && name.digest === null ? { ...name, tag: "latest" } : name;
}

/** `registry/repository` */
export function formatRepository(reference: Reference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** `registry/repository:tag@digest`, with what there is of tag and digest. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === null ? "" : `:${reference.tag}`;
  return `${formatRepository(reference)}${tag}${reference.digest === null ? "" : `@${reference.digest}`}`;
}

/** The name under which something gets tagged: short names belong to `localhost`, as with Podman. */
export function parseTarget(text: string): Reference {
  const name = withDefaultTag(parseName(text));
  if (name.digest !== null) {
    throw new CooperError(
      "invalid-argument",
      `an image cannot be given the name "${text}": it holds a digest`,
    );
  }
  return name.registry === null
    ? atRegistry(name, "localhost")
    : { ...name, registry: name.registry };
}
