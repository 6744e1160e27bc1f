/** What a build begins with, and what of it stays for the next one. */
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { publishLayers } from "../image/publish.ts";
import type { Stage } from "../image/stage.ts";
import { insertCachedSteps, touchCachedSteps } from "../records/build-cache.ts";
import { readBytesInRoot } from "../system/rooted.ts";
import type { BuildOptions, SentSecret } from "./build.ts";
import { DigestMemory } from "./context/digest.ts";
import type { SourceTree } from "./context/tree.ts";
import type { PlannedStep } from "./graph.ts";
import { type BuildSecret, BuildSession } from "./session.ts";

/** What the steps of a build act with. @param agents sockets by id */
export function openSession(
  host: Host,
  stage: Stage,
  options: BuildOptions,
  agents: ReadonlyMap<string, string>,
  signal: AbortSignal,
): BuildSession {
  const { epoch, template, mayAsk, progress, cacheMaxAgeMs, sentSecrets = [] } = options;
  const { findSecret, findAgent } = options;
  const oldestCached = cacheMaxAgeMs === null ? null : Date.now() - cacheMaxAgeMs;
  const usesCache = (step: PlannedStep) => mayUseCache(options, step);
  const secrets = [
    ...options.secrets,
    ...sentSecrets.map((secret) => secretIn(() => session.context(null), secret)),
  ];
  const session: BuildSession = new BuildSession({
    host,
    stage,
    options: {
      epoch,
      secrets,
      findSecret,
      template,
      agents,
      findAgent,
      mayAsk,
      usesCache,
      oldestCached,
    },
    progress,
    memory: new DigestMemory(host.database),
    signal,
  });
  return session;
}

const maxSecretBytes = 500 << 10;

/** @param context is there only when it has been opened */
function secretIn(context: () => SourceTree, { id, file }: SentSecret): BuildSecret {
  return {
    id,
    async read() {
      const bytes = readBytesInRoot(context().root, file, maxSecretBytes + 1);
      if (bytes === undefined)
        throw new CooperError("no-such-object", `the secret ${id}: the context has no ${file}`);
      if (bytes.length > maxSecretBytes)
        throw new CooperError("invalid-argument", `the secret ${id} is larger than 500 kB`);
      return bytes;
    },
  };
}

function mayUseCache({ usesCache, withoutCache }: BuildOptions, { stages }: PlannedStep): boolean {
  return usesCache && !stages.some((stage) => withoutCache.includes(stage));
}

/** The layers that were made, and what the next build finds them by. */
export async function keep(session: BuildSession): Promise<void> {
  const { host, made } = session;
  const { remembered, used } = session.results;
  session.memory.save();
  if (used.length > 0) touchCachedSteps(host.database, used);
  if (remembered.length === 0) return;
  await publishLayers(host, made, () => insertCachedSteps(host.database, remembered));
  session.markStored();
}
