/** The keys of containers.conf that mean something to Cooper: where each goes, and how it is read. */
import { existsSync } from "node:fs";
import type { Settings } from "./types.ts";
import {
  asFlag,
  asInteger,
  asList,
  asPairs,
  asRuntimes,
  asSize,
  asSubnetPools,
  asTable,
  asText,
  asUlimits,
  asWord,
  type Place,
  wrongValue,
} from "./values.ts";

type Draft = { -readonly [K in keyof Settings]: Settings[K] };

/** Writes a key's value into the draft, or throws what is wrong with it. */
type Apply = (draft: Draft, value: unknown, place: Place) => void;

function key<K extends keyof Settings>(
  field: K,
  read: (value: unknown, place: Place, previous: Settings[K]) => Settings[K],
): Apply {
  return (draft, value, place) => {
    draft[field] = read(value, place, draft[field]);
  };
}

/** Keys whose empty text means the same as not being there. */
const orNull = (value: unknown, place: Place): string | null => asText(value, place) || null;

const containers: Record<string, Apply> = {
  annotations: key("annotations", asPairs),
  apparmor_profile: key("apparmorProfile", asText),
  base_hosts_file: key("baseHostsFile", orNull),
  cgroup_conf: key("cgroupConf", asPairs),
  cgroupns: key(
    "cgroupNamespace",
    (value, place) => asWord(value, place, ["private", "host", ""]) || null,
  ),
  cgroups: key("cgroups", (value, place) =>
    asWord(value, place, ["enabled", "disabled", "no-conmon", "split"]),
  ),
  container_name_as_hostname: key("containerNameAsHostname", asFlag),
  default_capabilities: key("defaultCapabilities", asList),
  default_sysctls: key("defaultSysctls", asPairs),
  default_ulimits: key("defaultUlimits", asUlimits),
  devices: key("devices", asList),
  dns_options: key("dnsOptions", asList),
  dns_searches: key("dnsSearches", asList),
  dns_servers: key("dnsServers", asList),
  env: key("env", asList),
  env_host: key("envHost", asFlag),
  host_containers_internal_ip: key("hostContainersInternalIp", orNull),
  http_proxy: key("httpProxy", asFlag),
  init: key("init", asFlag),
  init_path: key("initPath", orNull),
  ipcns: key("ipcNamespace", (value, place) =>
    asWord(value, place, ["host", "none", "private", "shareable"]),
  ),
  keyring: key("keyring", asFlag),
  label: key("label", asFlag),
  log_driver: key("logDriver", (value, place, previous) => asText(value, place) || previous),
  // conmon(8): a negative number is no limit
  log_size_max: key("logMaxBytes", (value, place) => {
    const bytes = asInteger(value, place);
    return bytes > 0 ? bytes : null;
  }),
  log_path: key("logPath", orNull),
  log_tag: key("logTag", orNull),
  mounts: key("mounts", asList),
  netns: key("networkNamespace", (value, place, previous) => asText(value, place) || previous),
  no_hosts: key("noHosts", asFlag),
  oom_score_adj: key("oomScoreAdjust", asInteger),
  pidns: key("pidNamespace", (value, place) => asWord(value, place, ["private", "host"])),
  pids_limit: key("pidsLimit", asInteger),
  prepare_volume_on_create: key("prepareVolumeOnCreate", asFlag),
  privileged: key("privileged", asFlag),
  read_only: key("readOnly", asFlag),
  seccomp_profile: key("seccompProfile", orNull),
  shm_size: key("shmSizeBytes", asSize),
  tz: key("timezone", orNull),
  umask: key("umask", asText),
  userns: key("userNamespace", orNull),
  userns_size: key("userNamespaceSize", asInteger),
  utsns: key("utsNamespace", (value, place) => asWord(value, place, ["private", "host"])),
  volumes: key("volumes", asList),
};

const engine: Record<string, Apply> = {
  cdi_spec_dirs: key("cdiDirectories", asList),
  cgroup_manager: key("cgroupManager", (value, place) =>
    asWord(value, place, ["systemd", "cgroupfs"]),
  ),
  compression_format: key(
    "compressionFormat",
    (value, place, previous) =>
      asWord(value, place, ["", "gzip", "zstd", "zstd:chunked"]) || previous,
  ),
  compression_level: key("compressionLevel", asInteger),
  conmon_env_vars: key("conmonEnv", asList),
  conmon_path: key("conmonPath", (value, place) => firstThere(asList(value, place, []))),
  detach_keys: key("detachKeys", asText),
  env: key("engineEnv", asList),
  events_logger: key(
    "eventsLogger",
    (value, place) => asWord(value, place, ["file", "journald", "none", ""]) || null,
  ),
  helper_binaries_dir: key("helperDirectories", asList),
  hooks_dir: key("hooksDirectories", asList),
  image_default_format: key("imageDefaultFormat", (value, place) =>
    asWord(value, place, ["", "oci", "v2s2", "v2s1", "docker"]) === "v2s2" ? "docker" : "oci",
  ),
  image_parallel_copies: key(
    "imageParallelCopies",
    (value, place) => asInteger(value, place) || null,
  ),
  image_volume_mode: key("imageVolumeMode", (value, place) => {
    const mode = asWord(value, place, ["", "bind", "anonymous", "tmpfs", "ignore"]);
    return mode === "" || mode === "bind" ? "anonymous" : mode;
  }),
  infra_image: key("infraImage", orNull),
  init_path: key("initPath", orNull),
  no_pivot_root: key("noPivotRoot", asFlag),
  pod_exit_policy: key("podExitPolicy", (value, place) =>
    asWord(value, place, ["continue", "stop"]),
  ),
  pull_policy: key("pullPolicy", (value, place) =>
    asWord(value, place, ["always", "missing", "never", "newer"]),
  ),
  retry: key("retry", asInteger),
  runtime: key("runtime", orNull),
  runtimes: key("runtimes", asRuntimes),
  service_timeout: key("serviceTimeoutSeconds", asInteger),
  stop_timeout: key("stopTimeoutSeconds", asInteger),
};

const network: Record<string, Apply> = {
  default_network: key("defaultNetwork", asText),
  default_subnet: key("defaultSubnet", asText),
  default_subnet_pools: key("defaultSubnetPools", asSubnetPools),
  default_rootless_network_cmd: key(
    "defaultRootlessNetworkCommand",
    (value, place, previous) => asWord(value, place, ["", "pasta", "slirp4netns"]) || previous,
  ),
  dns_bind_port: key("dnsBindPort", (value, place) => {
    const port = asInteger(value, place);
    if (port < 0 || port > 65535) throw wrongValue(place, "a port", value);
    return port || null;
  }),
  firewall_driver: key(
    "firewallDriver",
    (value, place) => asWord(value, place, ["", "nftables", "iptables", "none"]) || null,
  ),
  network_config_dir: key("networkConfigDirectory", orNull),
  pasta_options: key("pastaOptions", asList),
};

/** By table. */
/** Podman passes over tables of containers.conf that it does not know. */
const storage: Record<string, Apply> = {
  max_size: key("storageMaxBytes", asSize),
};

export const tables: Record<string, Record<string, Apply>> = {
  containers,
  engine,
  network,
  storage,
};

/** Takes over what a parsed file says; what it does not name stays. */
export function applyTables(settings: Settings, file: string, parsed: unknown): Settings {
  const draft: Draft = { ...settings };
  const ignored = [...settings.ignoredKeys];
  for (const [table, values] of Object.entries(asTable(parsed, { file, key: "the file" }))) {
    const known = Object.hasOwn(tables, table) ? tables[table] : undefined;
    if (known === undefined) {
      const isEmpty = typeof values === "object" && Object.keys(values ?? {}).length === 0;
      if (isEmpty) continue; // distributions ship headings of which every key is a comment
      ignored.push(`${file}: [${table}]`);
      continue;
    }
    for (const [name, value] of Object.entries(asTable(values, { file, key: `[${table}]` }))) {
      const place = { file, key: `${table}.${name}` };
      const apply = Object.hasOwn(known, name) ? known[name] : undefined;
      if (apply === undefined) ignored.push(`${file}: ${place.key}`);
      else apply(draft, value, place);
    }
  }
  draft.ignoredKeys = ignored;
  return draft;
}

function firstThere(paths: readonly string[]): string | null {
  return paths.find((path) => existsSync(path)) ?? null;
}
