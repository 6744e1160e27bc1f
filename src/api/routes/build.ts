/** Handler of the classic build: a tar comes, lines of output go. */
import { availableParallelism } from "node:os";
import type { Built } from "../../build/give.ts";
import { applyOption } from "../../container/options/apply.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { readCredentials } from "../credentials.ts";
import { imageId, registryName } from "../docker/names.ts";
import { ownProgress } from "../docker/read-build.ts";
import { Document } from "../document.ts";
import { isOurs } from "../ours.ts";
import { lineFor, progressReply, type Room, type Tell } from "../progress.ts";
import { isTrue } from "../query.ts";
import { remoteContext } from "../remote-context.ts";
import type { Handler } from "../route.ts";

/** What the query may ask for that has no place here: refused, so that nobody is deceived. */
const refused = ["outputs"];

/** Limits and hosts of the commands: what the query calls them, the option that says the same. */
const limits: readonly (readonly [name: string, flag: string])[] = [
  ["cpuperiod", "--cpu-period"],
  ["cpuquota", "--cpu-quota"],
  ["cpusetcpus", "--cpuset-cpus"],
  ["cpusetmems", "--cpuset-mems"],
  ["cpushares", "--cpu-shares"],
  ["memory", "--memory"],
  ["memswap", "--memory-swap"],
  ["shmsize", "--shm-size"],
  ["cgroupparent", "--cgroup-parent"],
  ["isolation", "--isolation"],
];

function templateOf(query: URLSearchParams): ContainerSpec {
  const spec = emptySpec();
  for (const [name, flag] of limits) {
    const text = query.get(name) ?? "";
    if (!["", "0", "default"].includes(text)) applyOption(spec, flag, text, name);
  }
  for (const host of query.getAll("extrahosts"))
    applyOption(spec, "--add-host", host, "extrahosts");
  for (const limit of listOf(query, "ulimits")) {
    const ulimit = new Document(limit, "ulimits");
    const [soft, hard] = [ulimit.number("Soft") ?? 0, ulimit.number("Hard") ?? 0];
    applyOption(spec, "--ulimit", `${ulimit.string("Name")}=${soft}:${hard}`, "ulimits");
  }
  return spec;
}

export const build: Handler = async ({ engine, request }) => {
  const { query } = request;
  const asked = refused.find(
    (name) => !["", "0", "null", "[]", "{}", "false"].includes(query.get(name) ?? ""),
  );
  if (asked !== undefined)
    throw new CooperError("not-supported", `${asked} is not supported by the classic build`);
  if (query.get("version") === "2")
    throw new CooperError(
      "not-supported",
      "BuildKit's protocol is not spoken here: use the buildx plugin, or the classic builder (DOCKER_BUILDKIT=0)",
    );
  const platform = query.get("platform") ?? "";
  const file = query.get("dockerfile") ?? "";
  // who sends a context has no standard input here
  if (file === "-") throw new CooperError("invalid-argument", '"-" is no name of a Dockerfile');
  const tags = query.getAll("t").filter((tag) => tag !== "");
  const isQuiet = isTrue(query, "q");
  const options = {
    file: file === "" || file === "Dockerfile" ? null : file,
    ignoreFile: null,
    tags,
    target: query.get("target") || null,
    buildArgs: pairsOf(query, "buildargs"),
    labels: pairsOf(query, "labels"),
    annotations: [],
    platforms: platform === "" ? [] : platform.split(",").map(parsePlatform),
    manifest: null,
    squash: isTrue(query, "squash") ? ("own" as const) : ("none" as const),
    cacheMaxAgeMs: null,
    usesCache: !isTrue(query, "nocache"),
    cacheFrom: listOf(query, "cachefrom").map((name) => ({
      kind: "registry" as const,
      names: [registryName(String(name))],
    })),
    withoutCache: [],
    pull: isTrue(query, "pull") ? ("always" as const) : ("missing" as const),
    fetch: { isQuiet: true, ...readCredentials(request.headers) },
    network: networkOf(query.get("networkmode") ?? ""),
    secrets: [],
    agents: [],
    allowed: [],
    mayAsk: false,
    template: templateOf(query),
    contexts: {},
    outputs: [],
    metadataFile: null,
    jobs: Math.max(2, availableParallelism()),
    epoch: null,
    family: "docker" as const,
    iidFile: null,
    signal: request.signal,
  };
  const remote = remoteContext(query.get("remote") ?? "");
  const work = async (tell: Tell, room: Room) => {
    const from = (use: (context: string) => Promise<Built | null>) =>
      remote === "" ? engine.images.withUpload(request.body, use) : use(remote);
    const image = await from((context) => {
      const line = (text: string) => {
        if (!isQuiet) tell({ stream: text });
      };
      return engine.builds.build({
        ...options,
        context,
        progress: isOurs(request)
          ? ownProgress(tell, room)
          : {
              planned: () => undefined,
              // what is no step of the Dockerfile has a word for a key, and the classic builder says nothing of it
              started: (key, title) => {
                if (typeof key === "number") line(`${title}\n`);
              },
              status: () => undefined,
              output(_, bytes) {
                line(Buffer.from(bytes).toString("utf8"));
                return room();
              },
              cached: (_, title) => line(`${title}\n ---> Using cache\n`),
              done: () => undefined,
              failed: () => undefined,
              cancelled: () => undefined,
              warned: (message) => line(`[Warning] ${message}\n`),
              note: (message) => line(`[Warning] ${message}\n`),
              end: () => undefined,
            },
      });
    });
    if (image === null) return;
    tell({ aux: { ID: imageId(image.id) } });
    if (isQuiet) tell({ stream: `${imageId(image.id)}\n` });
    tellBuilt(tell, isQuiet, image.id, tags);
  };
  return progressReply(work, lineFor(request), request.signal);
};

function tellBuilt(
  tell: (line: Record<string, unknown>) => void,
  isQuiet: boolean,
  id: string,
  tags: readonly string[],
): void {
  if (isQuiet) return;
  tell({ stream: `Successfully built ${id.slice(0, 12)}\n` });
  for (const tag of tags)
    tell({ stream: `Successfully tagged ${/:[^/]*$/.test(tag) ? tag : `${tag}:latest`}\n` });
}

function networkOf(mode: string): "none" | "host" | "default" {
  if (mode === "none" || mode === "host") return mode;
  if (["", "default", "bridge"].includes(mode)) return "default";
  throw new CooperError("not-supported", `a build cannot be in the network ${mode}`);
}

/** A JSON list. */
function listOf(query: URLSearchParams, name: string): readonly unknown[] {
  const value = jsonOf(query, name) ?? [];
  if (!Array.isArray(value)) throw new CooperError("invalid-argument", `${name} is not a list`);
  return value;
}

function jsonOf(query: URLSearchParams, name: string): unknown {
  const text = query.get(name) ?? "";
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${name} is not valid JSON`, { cause });
  }
}

/** A JSON map of strings; null stands for a variable that is not set. */
function pairsOf(query: URLSearchParams, name: string): Record<string, string> {
  const value = jsonOf(query, name);
  if (value === null) return {};
  if (
    !isObject(value) ||
    Object.values(value).some((one) => one !== null && typeof one !== "string")
  )
    throw new CooperError("invalid-argument", `${name} is not a map of strings`);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (typeof one === "string" ? [[key, one]] : [])),
  );
}
