/** What a client of BuildKit asks for, in the words of our own build. Pure. */
import type { CacheTarget } from "../../build/shared-cache/export.ts";
import type { CacheSource } from "../../build/shared-cache/import.ts";
import { applyOption } from "../../container/options/apply.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { type PlatformChoice, parsePlatform } from "../../oci/platform.ts";
import { registryName } from "../docker/names.ts";
import { remoteContext } from "../remote-context.ts";
import { uploadAddress } from "./files.ts";
import type { Message } from "./protobuf.ts";

/** Where the files are. */
type AskedContext =
  /** The client has them, and is asked for them one by one. */
  | { readonly kind: "files" }
  /** A tar that the client sends, by this path. */
  | { readonly kind: "upload"; readonly path: string }
  | { readonly kind: "address"; readonly address: string };

/** A build, as far as it is told by attributes. */
export interface AskedBuild {
  readonly target: string | null;
  readonly filename: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly usesCache: boolean;
  readonly withoutCache: readonly string[];
  readonly pull: "always" | "missing";
  readonly network: "none" | "host" | "default";
  /** Limits and hosts of RUN. */
  readonly template: ContainerSpec;
  /** Images that stand for names in the Dockerfile. */
  readonly contexts: Readonly<Record<string, { readonly kind: "image"; readonly name: string }>>;
  /** Directories of the client that stand for names in the Dockerfile. */
  readonly directories: Readonly<Record<string, string>>;
  readonly platforms: readonly PlatformChoice[];
  /** Where results of other machines are taken from. */
  readonly cacheFrom: readonly CacheSource[];
  readonly context: AskedContext;
  readonly contextDirectory: string;
  readonly dockerfileDirectory: string;
}

/** Attributes that change nothing here, or only tell where a build came from. */
const ignored =
  /^(multi-platform|attest:provenance|image-resolve-mode|frontend\.caps|vcs:.*|build-arg:BUILDKIT_INLINE_CACHE|sharedkeyhint|cmdline|source|local-sessionid:.*)$/;

/** Attributes with a place of their own in what is asked. */
const known =
  /^(target|filename|no-cache|force-network-mode|platform|add-hosts|shm-size|ulimit|cgroup-parent|context|contextkey|dockerfilekey|cache-imports|cache-from|build-arg:.*|label:.*|context:.*)$/;

/** @throws CooperError not-supported for what would be ignored otherwise */
export function askedBuild(attributes: Readonly<Record<string, string>>): AskedBuild {
  for (const key of Object.keys(attributes))
    if (!known.test(key) && !ignored.test(key)) throw refusal(key, attributes[key] ?? "");
  // the client's standard input is not ours
  if (attributes.filename === "-")
    throw new CooperError("invalid-argument", '"-" is no name of a Dockerfile');
  const platform = attributes.platform ?? "";
  const withPrefix = (prefix: string) =>
    Object.fromEntries(
      Object.entries(attributes).flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
      ),
    );
  const noCache = attributes["no-cache"];
  return {
    target: attributes.target || null,
    filename: attributes.filename || "Dockerfile",
    buildArgs: withPrefix("build-arg:"),
    labels: withPrefix("label:"),
    usesCache: noCache !== "",
    withoutCache: noCache === undefined ? [] : noCache.split(",").filter((stage) => stage !== ""),
    pull: attributes["image-resolve-mode"] === "pull" ? "always" : "missing",
    network: networkOf(attributes["force-network-mode"] ?? ""),
    template: templateOf(attributes),
    ...contextsOf(withPrefix("context:")),
    platforms: platform === "" ? [] : platform.split(",").map(parsePlatform),
    cacheFrom: cachesOf(attributes),
    context: sourceOf(attributes.context),
    contextDirectory: attributes.contextkey || "context",
    dockerfileDirectory: attributes.dockerfilekey || "dockerfile",
  };
}

function sourceOf(address = ""): AskedContext {
  if (address === "") return { kind: "files" };
  const path = uploadAddress.exec(address)?.[1];
  if (path !== undefined) return { kind: "upload", path };
  return { kind: "address", address: remoteContext(address) };
}

function refusal(key: string, value: string): CooperError {
  if (key === "requestid")
    return new CooperError("not-supported", `${value}: a Dockerfile is only built here`);
  return new CooperError("not-supported", `${key} is not supported by builds of this service`);
}

function networkOf(mode: string): AskedBuild["network"] {
  if (mode === "none" || mode === "host") return mode;
  if (["", "default", "sandbox"].includes(mode)) return "default";
  throw new CooperError("not-supported", `a build cannot be in the network ${mode}`);
}

function templateOf(attributes: Readonly<Record<string, string>>): ContainerSpec {
  const spec = emptySpec();
  const list = (text = "") => text.split(",").filter((part) => part !== "");
  for (const host of list(attributes["add-hosts"]))
    applyOption(spec, "--add-host", host.replace("=", ":"), "add-hosts");
  for (const limit of list(attributes.ulimit)) applyOption(spec, "--ulimit", limit, "ulimit");
  const { "shm-size": shm, "cgroup-parent": parent } = attributes;
  if (shm && shm !== "0") applyOption(spec, "--shm-size", shm, "shm-size");
  if (parent) applyOption(spec, "--cgroup-parent", parent, "cgroup-parent");
  return spec;
}

function contextsOf(
  named: Readonly<Record<string, string>>,
): Pick<AskedBuild, "contexts" | "directories"> {
  const contexts: Record<string, { kind: "image"; name: string }> = {};
  const directories: Record<string, string> = {};
  for (const [key, value] of Object.entries(named)) {
    const image = /^docker-image:\/\/(.+)$/.exec(value)?.[1];
    const directory = /^local:(.+)$/.exec(value)?.[1];
    if (image !== undefined) contexts[key] = { kind: "image", name: image };
    else if (directory !== undefined) directories[key] = directory;
    else
      throw new CooperError(
        "not-supported",
        `the build context ${key} is ${value}: a directory or an image (docker-image://) is taken`,
      );
  }
  return { contexts, directories };
}

/** `cache-imports`: JSON of CacheOptionsEntry; before it there was a list of names. */
function cachesOf(attributes: Readonly<Record<string, string>>): CacheSource[] {
  const names = (attributes["cache-from"] ?? "").split(",").filter((name) => name !== "");
  const text = attributes["cache-imports"];
  if (text === undefined) return names.map(registryCache);
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", "cache-imports is not valid JSON", { cause });
  }
  if (!Array.isArray(entries))
    throw new CooperError("invalid-argument", "cache-imports is not a list");
  return entries.map((entry) => {
    const { Type, Attrs } = isObject(entry) ? entry : {};
    const ref = isObject(Attrs) ? Attrs.ref : undefined;
    if (Type !== "registry" || typeof ref !== "string")
      throw new CooperError("not-supported", `caches of type ${Type} are not read: registry is`);
    return registryCache(ref);
  });
}

const registryCache = (name: string): CacheSource => ({
  kind: "registry",
  names: [registryName(name)],
});

/** Where a SolveRequest wants results to be kept for other machines. */
export function askedCacheTargets(request: Message): CacheTarget[] {
  const exports = request.message(8)?.messages(4) ?? [];
  return exports.map((one) => {
    if (one.string(1) === "inline") return { kind: "inline" };
    throw new CooperError(
      "not-supported",
      `caches of type ${one.string(1)} are not written through this service: inline is`,
    );
  });
}

/** The names that the exporters of a SolveRequest give to the image: those of newer clients stand in a list. */
export function askedTags(request: Message): string[] {
  const listed = request
    .messages(13)
    .map((one) => ({ type: one.string(1), attributes: one.map(2) }));
  const first = { type: request.string(3), attributes: request.map(4) };
  const exporters = listed.length > 0 ? listed : first.type === "" ? [] : [first];
  return exporters.flatMap(({ type, attributes }) => {
    if (type !== "moby" && type !== "image")
      throw new CooperError(
        "not-supported",
        `output of type ${type} is not written through this service: build an image and save or export it`,
      );
    // "moby" is of clients that push by the rest of the API when it is built
    if (type === "image" && attributes.push === "true")
      throw new CooperError("not-supported", "an image is pushed when it is built: docker push");
    return (attributes.name ?? "").split(",").filter((name) => name !== "");
  });
}
