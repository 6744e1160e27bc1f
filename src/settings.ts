/**
 * containers.conf(5): what the host and its users have set as defaults. The same files as Podman reads,
 * in the same order; later ones win key by key.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, messageOf } from "./errors.ts";
import { applyTables } from "./settings/keys.ts";
import { type Search, settingsFiles } from "./settings/places.ts";
import type { Settings } from "./settings/types.ts";

export type { Settings };

/** A value for every key, as Podman has them where no file says otherwise. */
export function defaultSettings(env: Environment, isRootless: boolean): Settings {
  return {
    storageMaxBytes: null,
    annotations: {},
    apparmorProfile: "containers-default",
    baseHostsFile: null,
    cgroupConf: {},
    cgroupNamespace: null,
    cgroups: "enabled",
    containerNameAsHostname: false,
    // no NET_RAW, MKNOD and AUDIT_WRITE, unlike Docker's list
    defaultCapabilities: [
      "CHOWN",
      "DAC_OVERRIDE",
      "FOWNER",
      "FSETID",
      "KILL",
      "NET_BIND_SERVICE",
      "SETFCAP",
      "SETGID",
      "SETPCAP",
      "SETUID",
      "SYS_CHROOT",
    ],
    defaultSysctls: { "net.ipv4.ping_group_range": "0 0" },
    defaultUlimits: [],
    devices: [],
    dnsOptions: [],
    dnsSearches: [],
    dnsServers: [],
    env: [],
    envHost: false,
    hostContainersInternalIp: null,
    httpProxy: true,
    init: false,
    initPath: null,
    ipcNamespace: "shareable",
    keyring: true,
    label: true,
    // not journald, even where Podman would take it: a file needs no right to read the journal
    logDriver: "k8s-file",
    // Podman's grows without end; as much as Docker's `local` driver keeps
    logMaxBytes: 100 * 1024 * 1024,
    logPath: null,
    logTag: null,
    mounts: [],
    networkNamespace: "private",
    noHosts: false,
    oomScoreAdjust: null,
    pidNamespace: "private",
    pidsLimit: 2048,
    prepareVolumeOnCreate: false,
    privileged: false,
    readOnly: false,
    seccompProfile: null,
    shmSizeBytes: 65536 * 1024,
    timezone: null,
    umask: "0022",
    userNamespace: null,
    userNamespaceSize: 65536,
    utsNamespace: "private",
    volumes: [],
    cgroupManager: defaultCgroupManager(env, isRootless),
    compressionFormat: "gzip",
    compressionLevel: null,
    conmonEnv: [],
    conmonPath: null,
    detachKeys: null,
    engineEnv: [],
    eventsLogger: null,
    helperDirectories: [],
    cdiDirectories: ["/etc/cdi", "/var/run/cdi"],
    hooksDirectories: ["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"],
    imageDefaultFormat: "oci",
    imageParallelCopies: null,
    imageVolumeMode: "anonymous",
    infraImage: null,
    noPivotRoot: false,
    podExitPolicy: "continue",
    pullPolicy: "missing",
    retry: 3,
    runtime: null,
    runtimes: {},
    runtimeFlags: [],
    serviceTimeoutSeconds: 5,
    stopTimeoutSeconds: 10,
    defaultNetwork: "podman",
    defaultSubnet: "10.88.0.0/16",
    defaultSubnetPools: [
      { base: "10.89.0.0/16", size: 24 },
      { base: "10.90.0.0/15", size: 24 },
      { base: "10.92.0.0/14", size: 24 },
      { base: "10.96.0.0/11", size: 24 },
      { base: "10.128.0.0/9", size: 24 },
    ],
    defaultRootlessNetworkCommand: "pasta",
    dnsBindPort: null,
    firewallDriver: null,
    networkConfigDirectory: null,
    pastaOptions: [],
    ignoredKeys: [],
  };
}

/** Environment variables, as process.env has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the files that exist. Costs a handful of system calls where there are none.
 *
 * @throws CooperError invalid-argument that names the file, and the key where one has a wrong value
 */
export function loadSettings(search: Search): Settings {
  let settings = defaultSettings(search.env, search.isRootless);
  for (const file of settingsFiles(search)) {
    const text = readFileSync(file, "utf8");
    settings = withFile(settings, file, text);
  }
  return settings;
}

/** The settings as one more file changes them. */
export function withFile(settings: Settings, file: string, text: string): Settings {
  let tables: unknown;
  try {
    tables = Bun.TOML.parse(withoutComments(text));
  } catch (cause) {
    const why = messageOf(cause).replace(/^TOML Parse error: /, "");
    throw new CooperError("invalid-argument", `${file} is not valid TOML: ${why}`, { cause });
  }
  return applyTables(settings, file, tables);
}

/** Distributions ship the manual as comments; without them parsing takes a fifth of the time. */
function withoutComments(text: string): string {
  const hasLongStrings = text.includes('"""') || text.includes("'''"); // a # in there is no comment
  return hasLongStrings ? text : text.replace(/^[ \t]*#.*$/gm, "");
}

/** systemd where it runs the machine (sd_booted(3)); as a user only where its own manager can be asked. */
function defaultCgroupManager(env: Environment, isRootless: boolean): "systemd" | "cgroupfs" {
  if (!existsSync("/run/systemd/system")) return "cgroupfs";
  if (!isRootless || env.DBUS_SESSION_BUS_ADDRESS) return "systemd";
  const runtimeDirectory = env.XDG_RUNTIME_DIR;
  return runtimeDirectory && existsSync(join(runtimeDirectory, "bus")) ? "systemd" : "cgroupfs";
}
