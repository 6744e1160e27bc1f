/** What was not asked of a container, as the host is configured: containers.conf(5), "CONTAINERS TABLE". */
import { CooperError, messageOf } from "../errors.ts";
import type { Settings } from "../settings.ts";
import { parseDevice } from "./options/files.ts";
import { parseMount } from "./options/mount-keys.ts";
import { parseVolume } from "./options/mount-syntax.ts";
import { parseUserns } from "./options/namespaces.ts";
import type {
  ConfiguredSpec,
  ContainerSpec,
  Device,
  Mount,
  Networking,
  UserNamespaceMode,
} from "./spec.ts";

/**
 * Pure. The user's word goes before the file's: of mounts and devices by their target, of lists of
 * resolvers as a whole.
 *
 * @throws CooperError invalid-argument that names the key whose value has no meaning
 */
export function configuredSpec(spec: ContainerSpec, settings: Settings): ConfiguredSpec {
  return {
    ...spec,
    pid: spec.pid ?? { kind: settings.pidNamespace },
    ipc: spec.ipc ?? { kind: settings.ipcNamespace },
    uts: spec.uts ?? { kind: settings.utsNamespace },
    userns: spec.userns ?? userNamespace(spec, settings),
    isReadOnly: spec.isReadOnly ?? settings.readOnly,
    isPrivileged: spec.isPrivileged ?? settings.privileged,
    networking: networking(spec.networking, settings),
    mounts: [...spec.mounts, ...mounts(spec, settings)],
    devices: [...spec.devices, ...devices(spec, settings)],
    annotations: { ...settings.annotations, ...spec.annotations },
    labelOptions:
      !settings.label && spec.labelOptions.length === 0 ? ["disable"] : spec.labelOptions,
    cgroups: spec.cgroups ?? settings.cgroups,
    resources: {
      ...spec.resources,
      oomScoreAdjust: spec.resources.oomScoreAdjust ?? settings.oomScoreAdjust,
    },
  };
}

/** Mappings that were asked for say all about it. */
function userNamespace(spec: ContainerSpec, { userNamespace: text }: Settings) {
  const isAsked =
    spec.uidMappings.length > 0 ||
    spec.gidMappings.length > 0 ||
    spec.subuidName !== null ||
    spec.subgidName !== null;
  if (isAsked || text === null) return null;
  return read<UserNamespaceMode | null>("userns", text, parseUserns);
}

function networking(asked: Networking, settings: Settings): Networking {
  const kind = settings.networkNamespace;
  const isFixed = kind === "host" || kind === "none";
  const orElse = (list: string[], configured: readonly string[]) =>
    list.length > 0 ? list : [...configured];
  return {
    ...asked,
    mode: asked.mode.kind === "default" && isFixed ? { kind } : asked.mode,
    dns: orElse(asked.dns, settings.dnsServers),
    dnsOptions: orElse(asked.dnsOptions, settings.dnsOptions),
    dnsSearch: orElse(asked.dnsSearch, settings.dnsSearches),
    hostsFile: asked.hostsFile ?? settings.baseHostsFile,
    managesHosts: asked.managesHosts ?? !settings.noHosts,
  };
}

function mounts(spec: ContainerSpec, settings: Settings): Mount[] {
  const configured = [
    ...settings.volumes.map((text) => read("volumes", text, parseVolume)),
    ...settings.mounts.flatMap((text) => read("mounts", text, parseMount)),
  ];
  return configured.filter(({ target }) => !spec.mounts.some((mount) => mount.target === target));
}

function devices(spec: ContainerSpec, settings: Settings): Device[] {
  return settings.devices
    .map((text) => read("devices", text, parseDevice))
    .filter(({ target }) => !spec.devices.some((device) => device.target === target));
}

function read<T>(key: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new CooperError(
      "invalid-argument",
      `containers.conf: containers.${key}: ${JSON.stringify(text)}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
