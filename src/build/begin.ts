/** What a build begins with. */
import { CooperError } from "../errors.ts";
import { readBytesInRoot } from "../system/rooted.ts";
import type { BuildOptions, SentSecret } from "./build.ts";
import type { SourceTree } from "./context/tree.ts";
import type { PlannedStep } from "./graph.ts";
import { type BuildSecret, BuildSession } from "./session.ts";
import type { Workbench } from "./workbench.ts";

/** What the steps of a build act with. @param agents sockets by id */
export function openSession(
  bench: Workbench,
  options: BuildOptions,
  agents: ReadonlyMap<string, string>,
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
    bench,
    options: {
      opensDebugShell: options.opensDebugShell ?? false,
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
