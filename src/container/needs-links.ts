/** What has the runtime wait for the network: else both are made at the same time. Pure. */
import type { RuntimeSpec } from "../oci/runtime-spec.ts";

/**
 * Whether a runtime looks at the links of a container while it creates it: to change settings of theirs,
 * or because it runs hooks, which find a network in place with every other engine.
 */
export function needsLinks({ hooks, linux }: Pick<RuntimeSpec, "hooks" | "linux">): boolean {
  const early = ["prestart", "createRuntime", "createContainer"] as const;
  if (early.some((stage) => (hooks?.[stage] ?? []).length > 0)) return true;
  return Object.keys(linux?.sysctl ?? {}).some((name) =>
    /^net[./].*[./](conf|neigh)[./]/.test(name),
  );
}
