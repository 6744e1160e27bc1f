/** The query of `/build` as Podman's clients send it, as what the engine is asked. Pure. */
import { availableParallelism } from "node:os";
import { parseAnnotation } from "../../build/annotations.ts";
import type { BuildOptions, SentSecret } from "../../build/build.ts";
import { isGitAddress } from "../../build/source/git-address.ts";
import type { NamedContext } from "../../build/stages.ts";
import { applyOption } from "../../container/options/apply.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { parseLocation } from "../../oci/location.ts";
import { type PlatformChoice, parsePlatform } from "../../oci/platform.ts";
import { oneOf } from "../../option.ts";
import { Document } from "../document.ts";
import type { Parameters } from "./parameters.ts";

/** What a query decides. */
export type BuildRequest = Omit<
  BuildOptions,
  "context" | "file" | "fetch" | "family" | "progress" | "signal"
> & {
  /** null: the machine's default. */
  readonly family: BuildOptions["family"] | null;
};

/** Parameters that mean what an option of `cooper build` means for the containers of RUN. */
const ofContainers: readonly (readonly [name: string, flag: string])[] = [
  ["addcaps", "--cap-add"],
  ["cgroupparent", "--cgroup-parent"],
  ["cpuperiod", "--cpu-period"],
  ["cpuquota", "--cpu-quota"],
  ["cpusetcpus", "--cpuset-cpus"],
  ["cpusetmems", "--cpuset-mems"],
  ["cpushares", "--cpu-shares"],
  ["devices", "--device"],
  ["dnsoptions", "--dns-option"],
  ["dnssearch", "--dns-search"],
  ["dnsservers", "--dns"],
  ["dropcaps", "--cap-drop"],
  ["extrahosts", "--add-host"],
  ["groupadd", "--group-add"],
  ["memory", "--memory"],
  ["memswap", "--memory-swap"],
  ["nohostname", "--no-hostname"],
  ["nohosts", "--no-hosts"],
  ["securityopt", "--security-opt"],
  ["shmsize", "--shm-size"],
  ["ulimits", "--ulimit"],
  ["volume", "--volume"],
];

const notYet = "builds do not do that yet";
const refused: readonly (readonly [name: string, why: string])[] = [
  ["allplatforms", "name the platforms"],
  ["cachefrom", notYet],
  ["cacheto", notYet],
  ["from", notYet],
  ["omithistory", "a history tells how an image was made"],
  ["osfeature", notYet],
  ["osversion", notYet],
  ["setenv", "write ENV, or use a build argument"],
  ["ssh", "sockets of agents are not sent over the API"],
  ["unsetenv", notYet],
  ["unsetlabel", notYet],
  ["unsetlabels", notYet],
];

/** What stands for nothing in any of them. */
const nothing = ["", "0", "false", "null", "[]", "{}", "-1"];

/** @throws CooperError for what is wrong, and for what builds do not do */
export function buildRequest(parameters: Parameters): BuildRequest {
  for (const [name, why] of refused)
    if (!nothing.includes(parameters.text(name)))
      throw new CooperError("not-supported", `the parameter ${name} is not supported: ${why}`);
  for (const name of ["inheritannotations", "inheritlabels"])
    if (!parameters.flag(name, true))
      throw new CooperError("not-supported", `the parameter ${name} is not supported: ${notYet}`);
  const names = [parameters.text("output"), ...parameters.texts("t")];
  return {
    ignoreFile: null,
    tags: [...new Set(names.filter((name) => name !== ""))],
    target: parameters.text("target") || null,
    buildArgs: parameters.pairs("buildargs"),
    labels: labelsOf(parameters.list("labels")),
    annotations: parameters.list("annotations").flatMap(parseAnnotation),
    platforms: parameters.texts("platform").flatMap(platformsOf),
    manifest: parameters.text("manifest") || null,
    // Podman's builder makes one layer of all steps where it is not asked for layers
    squash: parameters.flag("squash") ? "all" : parameters.flag("layers") ? "none" : "own",
    cacheMaxAgeMs: null,
    usesCache: !parameters.flag("nocache"),
    withoutCache: [],
    pull: pullOf(parameters),
    network: networkOf(parameters),
    secrets: [],
    sentSecrets: parameters.list("secrets").map(secretOf),
    agents: [],
    allowed: [],
    mayAsk: false,
    template: templateOf(parameters),
    contexts: contextsOf(parameters),
    outputs: [],
    metadataFile: null,
    jobs: jobsOf(parameters.number("jobs") ?? 1),
    epoch: epochOf(parameters),
    family: familyOf(parameters.text("outputformat")),
    iidFile: null,
  };
}

/** The Dockerfile's name in the context; null: the usual ones. */
export function dockerfileOf(parameters: Parameters): string | null {
  const [file = "", ...more] = parameters.list("dockerfile");
  if (more.length > 0)
    throw new CooperError("not-supported", "several Dockerfiles are not put together: name one");
  // who sends a context has no standard input here
  if (file === "-" || /[\r\n\0]/.test(file))
    throw new CooperError("invalid-argument", `${JSON.stringify(file)} is no name of a Dockerfile`);
  return file === "" ? null : file;
}

function labelsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf("=");
      return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** `linux/arm64,linux/amd64`, `/arm64`; a slash alone is this machine. */
function platformsOf(text: string): PlatformChoice[] {
  return text
    .split(",")
    .map((one) => one.replace(/^\/|\/$/g, ""))
    .filter((one) => one !== "")
    .map(parsePlatform);
}

const policies = {
  always: "always",
  missing: "missing",
  ifmissing: "missing",
  never: "never",
  newer: "newer",
  ifnewer: "newer",
} as const;

function pullOf(parameters: Parameters): BuildOptions["pull"] {
  const words = Object.keys(policies) as (keyof typeof policies)[];
  const policy = parameters.value("pullpolicy", oneOf(...words));
  if (policy !== undefined) return policies[policy];
  return parameters.flag("pull") ? "always" : "missing";
}

function jobsOf(jobs: number): number {
  if (jobs < 0) throw new CooperError("invalid-argument", "jobs: less than nothing");
  return jobs === 0 ? Math.max(4, 2 * availableParallelism()) : jobs;
}

function epochOf(parameters: Parameters): BuildOptions["epoch"] {
  const timestamp = parameters.number("timestamp");
  if (timestamp !== undefined) return { seconds: timestamp, isExact: true };
  const seconds = parameters.number("sourcedateepoch");
  return seconds === undefined ? null : { seconds, isExact: false };
}

function familyOf(text: string): BuildRequest["family"] {
  if (text === "") return null;
  if (text === "oci" || text === "application/vnd.oci.image.manifest.v1+json") return "oci";
  if (text === "docker" || text === "application/vnd.docker.distribution.manifest.v2+json")
    return "docker";
  throw new CooperError("invalid-argument", `${JSON.stringify(text)} is no format of an image`);
}

/** `id=ID,src=FILE`: a file at the top of the context. */
function secretOf(text: string): SentSecret {
  const words = Object.entries(labelsOf(text.split(",")));
  let [id, file] = ["", ""];
  for (const [key, value] of words) {
    if (key === "id") id = value;
    else if (key === "src" || key === "source") file = value;
    else if (key !== "type" || value !== "file")
      // a variable would be one of the service's
      throw new CooperError("invalid-argument", `invalid secret: unexpected key '${key}'`);
  }
  if (id === "" || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(file))
    throw new CooperError(
      "invalid-argument",
      "invalid secret: it needs an id, and the name of a file at the top of the context",
    );
  return { id, file };
}

/** `{"NAME":{"IsImage":true,"Value":"IMAGE"}}`, or `NAME=image:IMAGE`; the same with `IsURL` and `url`. */
function contextsOf(parameters: Parameters): Record<string, NamedContext> {
  const name = "additionalbuildcontexts";
  const texts = parameters.texts(name);
  if (!texts[0]?.startsWith("{"))
    return Object.fromEntries(
      texts.map((text) => {
        const [, key = "", kind = "", value = ""] = /^([^=]+)=([a-z]+):(.+)$/s.exec(text) ?? [];
        return [key, contextOf(key, kind, value)];
      }),
    );
  const contexts = parameters.json(name);
  if (!isObject(contexts))
    throw new CooperError("invalid-argument", `the parameter ${name} is no object`);
  return Object.fromEntries(
    Object.entries(contexts).map(([key, value]) => {
      const context = new Document(value, `${name}.${key}`);
      const isImage = context.boolean("IsImage") === true;
      const kind = isImage ? "image" : context.boolean("IsURL") === true ? "url" : "";
      return [key, contextOf(key, kind, context.string("Value"))];
    }),
  );
}

function contextOf(key: string, kind: string, value: string): NamedContext {
  const isElsewhere = ["docker", undefined].includes(parseLocation(value)?.kind);
  if (kind === "image" && value !== "" && isElsewhere) return { kind: "image", name: value };
  if (kind === "url" && /^(https?|git|ssh):\/\//i.test(value))
    return { kind: isGitAddress(value) ? "git" : "web", address: value };
  throw new CooperError(
    "not-supported",
    `the build context ${JSON.stringify(key)} is no image or address, and directories are not sent over the API`,
    { hint: "put its files into the context" },
  );
}

interface NamespaceChoice {
  readonly name: string;
  readonly isHost: boolean;
  readonly path: string;
}

function namespacesOf(parameters: Parameters): NamespaceChoice[] {
  const value = parameters.json("nsoptions") ?? [];
  return new Document({ nsoptions: value }).documents("nsoptions").map((one) => ({
    name: one.string("Name"),
    isHost: one.boolean("Host") ?? false,
    path: one.string("Path"),
  }));
}

/** As Podman numbers them: 0 the default, 1 none, 2 a network of its own or the host's. */
function networkOf(parameters: Parameters): BuildOptions["network"] {
  const mode = parameters.text("networkmode");
  const chosen = namespacesOf(parameters).find(({ name }) => name === "network");
  if (mode === "1" || mode === "none") return "none";
  if (mode === "host" || chosen?.isHost) return "host";
  const name = chosen?.path ?? (/^[012]?$/.test(mode) ? "" : mode);
  if (["", "default", "private", "bridge", "podman"].includes(name)) return "default";
  throw new CooperError("not-supported", `a build cannot be in the network ${name}`);
}

const shared: Readonly<Record<string, string>> = {
  cgroup: "--cgroupns",
  ipc: "--ipc",
  pid: "--pid",
  uts: "--uts",
};

const profile = "/usr/share/containers/seccomp.json";

function templateOf(parameters: Parameters): ContainerSpec {
  const isolation = parameters.text("isolation");
  if (isolation === "2" || isolation === "chroot")
    throw new CooperError(
      "not-supported",
      "the parameter isolation is not supported: commands run in containers of the OCI runtime, always",
    );
  const spec = emptySpec();
  for (const [name, flag] of ofContainers)
    for (const text of parameters.list(name))
      if (!nothing.includes(text)) applyOption(spec, flag, text, name);
  for (const text of parameters.list("labelopts"))
    applyOption(spec, "--security-opt", `label=${text}`, "labelopts");
  for (const name of ["apparmor", "seccomp"]) {
    const text = parameters.text(name);
    // the profile that clients name unasked is the one that holds anyway
    if (text !== "" && text !== profile)
      applyOption(spec, "--security-opt", `${name}=${text}`, name);
  }
  for (const { name, isHost, path } of namespacesOf(parameters)) {
    const flag = shared[name];
    if (flag !== undefined && isHost) applyOption(spec, flag, "host", name);
    else if (name !== "network" && (path !== "" || (name === "user" && !isHost)))
      throw new CooperError("not-supported", `a build has no other ${name} namespace yet`);
  }
  assertOwnIds(parameters);
  return spec;
}

function assertOwnIds(parameters: Parameters): void {
  const value = parameters.json("idmappingoptions");
  if (value === undefined) return;
  const options = new Document(value, "idmappingoptions");
  const hasMaps = ["UIDMap", "GIDMap"].some((name) => options.documents(name).length > 0);
  if (hasMaps || options.boolean("AutoUserNs") === true)
    throw new CooperError("not-supported", "idmappingoptions: builds have no maps of ids yet");
}
