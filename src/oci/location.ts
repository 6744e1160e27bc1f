/**
 * Where an image is, as the peers spell it: `transport:details` (containers-transports(5)). Each
 * transport has its own grammar; what none of them takes is an ordinary name.
 */
import { CooperError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import { atRegistry, parseName, type Reference, withDefaultTag } from "./reference.ts";

/** Which image of several: by the name it has there, by its digest, or by its place in the list. */
export type Selection =
  | { readonly by: "name"; readonly name: string }
  | { readonly by: "digest"; readonly digest: Digest }
  | { readonly by: "index"; readonly index: number };

/** Podman's or Buildah's store, where it is not the usual one. */
export interface StorageSpecifier {
  readonly driver: string | null;
  readonly graphRoot: string;
  readonly runRoot: string | null;
}

/** A place for images that is no registry. */
export type ImageLocation =
  | {
      readonly kind: "oci" | "oci-archive" | "docker-archive";
      readonly path: string;
      readonly selection: Selection | null;
    }
  | { readonly kind: "dir"; readonly path: string }
  | {
      readonly kind: "containers-storage";
      readonly store: StorageSpecifier | null;
      readonly image: string;
    }
  | { readonly kind: "docker-daemon"; readonly image: string };

/** A name for a registry, or a place elsewhere. */
export type Located = { readonly kind: "docker"; readonly name: string } | ImageLocation;

const refused: Readonly<Record<string, string>> = {
  sif: "Singularity's images have no layers that could be kept; convert them to OCI first",
  ostree: "OSTree repositories are not read; export the image with skopeo on the host that has it",
  atomic: "OpenShift's old registry API is not spoken; name the registry itself",
  tarball: "a file system is taken in with: cooper import FILE",
  "docker-tarfile": "the transport is called docker-archive",
};

const readers: Readonly<Record<string, (rest: string, text: string) => Located>> = {
  docker: fromDocker,
  oci: (rest, text) => fromLayout("oci", rest, text),
  "oci-archive": (rest, text) => fromLayout("oci-archive", rest, text),
  "docker-archive": fromDockerArchive,
  dir: (rest, text) => ({ kind: "dir", path: needPath(rest, text) }),
  "containers-storage": fromStorage,
  "docker-daemon": fromDaemon,
};

/**
 * Reads `transport:details`; undefined when the text begins with no transport, and so is a name.
 *
 * @throws CooperError invalid-argument when the details are wrong, not-supported for those not spoken
 */
export function parseLocation(text: string): Located | undefined {
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  const transport = text.slice(0, colon);
  // docker:dind is an image of that name
  if (transport === "docker" && !text.startsWith("docker://")) return undefined;
  if (Object.hasOwn(refused, transport) && text.length > colon + 1)
    throw new CooperError(
      "not-supported",
      `${shown(text)}: the transport "${transport}" is not supported: ${refused[transport]}`,
    );
  if (!Object.hasOwn(readers, transport)) return undefined;
  return readers[transport]?.(text.slice(colon + 1), text);
}

/** As it is typed again. */
export function formatLocation(location: ImageLocation): string {
  switch (location.kind) {
    case "dir":
      return `dir:${location.path}`;
    case "docker-daemon":
      return `docker-daemon:${location.image}`;
    case "containers-storage":
      return `containers-storage:${formatStore(location.store)}${location.image}`;
    default:
      return `${location.kind}:${location.path}${formatSelection(location.selection)}`;
  }
}

function formatStore(store: StorageSpecifier | null): string {
  if (store === null) return "";
  const driver = store.driver === null ? "" : `${store.driver}@`;
  return `[${driver}${store.graphRoot}${store.runRoot === null ? "" : `+${store.runRoot}`}]`;
}

function formatSelection(selection: Selection | null): string {
  if (selection === null) return "";
  if (selection.by === "name") return `:${selection.name}`;
  return selection.by === "digest" ? `@${selection.digest}` : `:@${selection.index}`;
}

/** A name as Docker reads it in its archives and its daemon: short ones are Docker Hub's. */
export function dockerReference(text: string): Reference {
  const name = withDefaultTag(parseName(text));
  return name.registry === null
    ? atRegistry(name, "docker.io")
    : { ...name, registry: name.registry };
}

function fromDocker(rest: string, text: string): Located {
  if (rest.length === 2) throw invalid(text, "it names no image");
  return { kind: "docker", name: rest.slice(2) };
}

/** image-spec, annotations.md: the grammar of `org.opencontainers.image.ref.name`. */
const ociName = /^[A-Za-z0-9][-\w.:@+]*(?:\/[A-Za-z0-9][-\w.:@+]*)*$/;

function fromLayout(kind: "oci" | "oci-archive", rest: string, text: string): Located {
  const at = rest.lastIndexOf("@sha256:");
  if (at > 0) {
    const digest = rest.slice(at + 1);
    if (!isDigest(digest)) throw invalid(text, "a digest is sha256: and 64 hexadecimal digits");
    return { kind, path: needPath(rest.slice(0, at), text), selection: { by: "digest", digest } };
  }
  const { path, name } = splitPath(rest, text);
  if (name === "") return { kind, path, selection: null };
  if (name.startsWith("@")) return { kind, path, selection: byIndex(name, text) };
  if (name.length > 1000 || !ociName.test(name))
    throw invalid(text, `"${name.slice(0, 100)}" cannot be the name of an image in an OCI layout`);
  return { kind, path, selection: { by: "name", name } };
}

function fromDockerArchive(rest: string, text: string): Located {
  const { path, name } = splitPath(rest, text);
  if (name === "") return { kind: "docker-archive", path, selection: null };
  if (name.startsWith("@")) return { kind: "docker-archive", path, selection: byIndex(name, text) };
  const reference = dockerReference(name);
  if (reference.digest !== null)
    throw invalid(text, "images in a docker archive have tags, and no digests");
  return { kind: "docker-archive", path, selection: { by: "name", name } };
}

/** `[driver@root+run:options]name`, `name`, `@id` (containers-storage: transport, "storage-specifier"). */
function fromStorage(rest: string, text: string): Located {
  const close = rest.startsWith("[") ? rest.indexOf("]") : -1;
  if (rest.startsWith("[") && close < 0) throw invalid(text, "the ] after the store is missing");
  const image = rest.slice(close + 1);
  if (image === "") throw invalid(text, "it names no image");
  const store = close < 0 ? null : storeOf(rest.slice(1, close), text);
  if (!/^@?[0-9a-f]{2,64}$/.test(image)) parseName(image.replace(/@[0-9a-f]{64}$/, ""));
  return { kind: "containers-storage", store, image };
}

function storeOf(specifier: string, text: string): StorageSpecifier {
  const at = specifier.indexOf("@");
  const driver = at < 0 ? null : specifier.slice(0, at);
  // options of the driver concern its mounts, and nothing is mounted
  const [roots = ""] = specifier.slice(at + 1).split(":", 1);
  const [graphRoot = "", runRoot] = roots.split("+");
  if (!graphRoot.startsWith("/")) throw invalid(text, "a store is named by its absolute path");
  if (driver === "") throw invalid(text, "the driver before @ is missing");
  return { driver, graphRoot, runRoot: runRoot ?? null };
}

function fromDaemon(rest: string, text: string): Located {
  if (isDigest(rest)) return { kind: "docker-daemon", image: rest };
  if (rest === "") throw invalid(text, "it names no image");
  const name = parseName(rest);
  // c/image: a daemon's image must be told exactly, without an implied tag
  if (name.tag === null && name.digest === null)
    throw invalid(text, `it has neither tag nor digest; did you mean docker-daemon:${rest}:latest`);
  if (name.tag !== null && name.digest !== null)
    throw invalid(text, "it has both a tag and a digest");
  return { kind: "docker-daemon", image: rest };
}

/** At the first colon, as c/image does: a path with a colon in it cannot be named. */
function splitPath(rest: string, text: string): { path: string; name: string } {
  const colon = rest.indexOf(":");
  const path = needPath(colon < 0 ? rest : rest.slice(0, colon), text);
  return { path, name: colon < 0 ? "" : rest.slice(colon + 1) };
}

function needPath(path: string, text: string): string {
  if (path === "") throw invalid(text, "its path is missing");
  if (path.includes("\0")) throw invalid(text, "a path has no NUL in it");
  return path;
}

function byIndex(name: string, text: string): Selection {
  const index = /^@(\d{1,6})$/.exec(name)?.[1];
  if (index === undefined)
    throw invalid(text, "the place of an image in the list is @ and a number, from @0");
  return { by: "index", index: Number(index) };
}

const shown = (text: string): string => text.slice(0, 300);

function invalid(text: string, why: string): CooperError {
  return new CooperError("invalid-argument", `invalid image location "${shown(text)}": ${why}`);
}
