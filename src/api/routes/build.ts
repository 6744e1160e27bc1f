/** Handler of the classic build: a tar comes, lines of output go. */
import { availableParallelism } from "node:os";
import { emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { imageId } from "../docker/names.ts";
import { progressReply } from "../progress.ts";
import { isTrue } from "../query.ts";
import type { Handler } from "../route.ts";

/** What the query may ask for that has no meaning here, or no place yet: refused, so that nobody is deceived. */
const refused = ["remote", "extrahosts", "cpuquota", "cpusetcpus", "memory", "outputs"];

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
      "BuildKit's protocol is not spoken: use the classic builder (DOCKER_BUILDKIT=0)",
    );
  const platform = query.get("platform") ?? "";
  const file = query.get("dockerfile") ?? "";
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
    withoutCache: [],
    pull: isTrue(query, "pull") ? ("always" as const) : ("missing" as const),
    fetch: { isQuiet: true },
    network: networkOf(query.get("networkmode") ?? ""),
    secrets: [],
    agents: [],
    allowed: [],
    mayAsk: false,
    template: emptySpec(),
    contexts: {},
    outputs: [],
    metadataFile: null,
    jobs: Math.max(2, availableParallelism()),
    epoch: null,
    family: "docker" as const,
    iidFile: null,
    signal: request.signal,
  };
  return progressReply(async (tell) => {
    const image = await engine.images.withUpload(request.body, (context) => {
      const line = (text: string) => {
        if (!isQuiet) tell({ stream: text });
      };
      return engine.builds.build({
        ...options,
        context,
        progress: {
          planned: () => undefined,
          // what is no step of the Dockerfile has a word for a key, and the classic builder says nothing of it
          started: (key, title) => {
            if (typeof key === "number") line(`${title}\n`);
          },
          status: () => undefined,
          output: (_, bytes) => line(Buffer.from(bytes).toString("utf8")),
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
  });
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

/** A JSON map of strings; null stands for a variable that is not set. */
function pairsOf(query: URLSearchParams, name: string): Record<string, string> {
  const text = query.get(name) ?? "";
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CooperError("invalid-argument", `${name} is not valid JSON`, { cause });
  }
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
