/** What a fork is asked to be: what its original was, without what can be there only once. */
import type { ConfiguredSpec, PortRequest } from "./spec.ts";

export interface ForkedAs {
  readonly name: string | null;
  /** null: those of the original, on free ports of the host. */
  readonly ports: readonly PortRequest[] | null;
  /** Where volumes without a name of their own are mounted: the fork gets others. */
  readonly anonymous: ReadonlySet<string>;
}

/** The original's spec is left as it is. */
export function forkedSpec(
  original: ConfiguredSpec,
  { name, ports, anonymous }: ForkedAs,
): ConfiguredSpec {
  const spec = structuredClone(original);
  const { path: _path, ...logOptions } = spec.log.options;
  return {
    ...spec,
    name,
    mounts: spec.mounts.map((mount) =>
      mount.kind === "volume" && anonymous.has(mount.target) ? { ...mount, name: null } : mount,
    ),
    networking: {
      ...spec.networking,
      addresses: [],
      macAddress: null,
      aliases: [],
      networks: spec.networking.networks.map((network) => ({
        ...network,
        addresses: [],
        macAddress: null,
        aliases: [],
        hostInterfaceName: null,
      })),
      ports: ports?.slice() ?? spec.networking.ports.map(onFreePort),
    },
    log: { ...spec.log, options: logOptions },
    pidFile: null,
    conmonPidFile: null,
  };
}

/** A range of choices (`8000-8009:80`) finds a free one by itself. */
function onFreePort(request: PortRequest): PortRequest {
  return request.choices > 1 ? request : { ...request, hostPort: null };
}
