/** The frozen trees that a container stands on, as directories. */
import type { Host } from "../host.ts";
import { frozenChain } from "../records/frozen.ts";

/** Frozen trees, topmost first. */
export interface FrozenStack {
  readonly directories: string[];
  /** The lowest of them holds everything: what is below does not show. */
  readonly isWhole: boolean;
}

/** Those from this one down. */
export function frozenStack(host: Host, frozenId: string | null): FrozenStack {
  const chain = frozenChain(host.database, frozenId);
  return {
    directories: chain.map(({ id }) => host.paths.frozenTree(id)),
    isWhole: chain.at(-1)?.isWhole ?? false,
  };
}
