/** The options that stand before the command. */
import {
  flagSwitch,
  integer,
  listOf,
  type Option,
  oneOf,
  path,
  string,
  type ValueType,
} from "../option.ts";
import type { GlobalOptions } from "./command.ts";

const remote = "this version works on the containers of this machine only";

function declare<T>(
  flag: `--${string}`,
  type: ValueType<T>,
  help: string,
  apply?: (target: GlobalOptions, value: T) => void,
  more: Partial<Option<T, GlobalOptions>> = {},
): Option<unknown, GlobalOptions> {
  return { flag, type, help, ...(apply !== undefined && { apply }), ...more } as Option<
    unknown,
    GlobalOptions
  >;
}

function refused(
  flag: `--${string}`,
  type: ValueType<unknown>,
  help: string,
  refuse: string,
  short?: `-${string}`,
) {
  return declare(flag, type, help, undefined, {
    refuse,
    ...(short !== undefined && { short }),
    // off is what holds anyway, so `--remote=false` is no reason to refuse
    ...(type.isSwitch && { defaultText: "false" }),
  });
}

/** In the order of `cooper --help`. */
export const globalOptions: readonly Option<unknown, GlobalOptions>[] = [
  declare(
    "--root",
    path,
    "Directory of the store: images, containers, volumes",
    (target, value) => {
      target.root = value;
    },
  ),
  declare("--runroot", path, "Directory for what is gone after a reboot", (target, value) => {
    target.runRoot = value;
  }),
  declare("--runtime", string, "OCI runtime: crun, runc or a path", (target, value) => {
    target.runtime = value;
  }),
  declare(
    "--runtime-flag",
    listOf(string),
    "Flag for the OCI runtime, without its leading dashes",
    (target, value) => {
      target.runtimeFlags.push(value);
    },
  ),
  declare(
    "--cgroup-manager",
    oneOf("systemd", "cgroupfs"),
    "Who makes control groups",
    (target, value) => {
      target.cgroupManager = value;
    },
  ),
  declare("--conmon", path, "The monitor program", (target, value) => {
    target.conmon = value;
  }),
  declare(
    "--storage-driver",
    oneOf("overlay", "fuse-overlayfs", "vfs"),
    "How layers are put together; vfs copies them",
    (target, value) => {
      target.storageDriver = value;
    },
  ),
  declare(
    "--log-level",
    oneOf("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"),
    "What is told besides results: debug shows causes",
    (target, value) => {
      target.logLevel = value === "warning" ? "warn" : value;
    },
    { short: "-l", defaultText: "warn" },
  ),
  declare(
    "--debug",
    flagSwitch,
    "Same as --log-level debug",
    (target, value) => {
      if (value) target.logLevel = "debug";
    },
    { short: "-D" },
  ),
  declare("--version", flagSwitch, "Show the version", undefined, { short: "-v" }),
  declare(
    "--cdi-spec-dir",
    listOf({ ...path, completes: "directory" }),
    "Directory of CDI device specs, instead of those configured",
    (target, value) => {
      target.cdiSpecDirectories.push(value);
    },
  ),
  refused(
    "--config",
    path,
    "Directory of client configuration",
    "no configuration is kept by the client",
  ),
  refused("--connection", string, "Remote service to use", remote, "-c"),
  refused("--context", string, "Remote service to use", remote),
  refused(
    "--events-backend",
    string,
    "Where events are kept",
    'they are kept in a file of the store; events_logger = "none" in containers.conf keeps none',
  ),
  declare(
    "--hooks-dir",
    listOf({ ...path, completes: "directory" }),
    "Directory of OCI hooks, instead of those configured",
    (target, value) => {
      target.hooksDirectories.push(value);
    },
  ),
  refused("--host", listOf(string), "Remote service to use", remote, "-H"),
  refused("--identity", string, "Key for a remote service", remote),
  refused(
    "--imagestore",
    path,
    "A second directory for images",
    "images and containers share one store",
  ),
  declare(
    "--module",
    listOf({ ...string, placeholder: "NAME" }),
    "Read a module of containers.conf too",
    (target, value) => {
      target.modules.push(value);
    },
  ),
  refused(
    "--network-config-dir",
    path,
    "Directory of network definitions",
    "networks are kept in the store's database: see cooper network ls",
  ),
  refused("--out", path, "File for the output", "redirect the output instead: > FILE"),
  refused("--remote", flagSwitch, "Use a remote service", remote, "-r"),
  refused("--ssh", string, "How to reach a remote service", remote),
  refused(
    "--storage-opt",
    listOf(string),
    "Options of the storage driver",
    "the storage drivers here take none",
  ),
  refused("--syslog", flagSwitch, "Log to syslog", "Cooper does not log to syslog"),
  refused("--tls", flagSwitch, "TLS for a remote service", remote),
  refused("--tls-ca", string, "TLS for a remote service", remote),
  refused("--tls-cert", string, "TLS for a remote service", remote),
  refused("--tls-details", string, "TLS for a remote service", remote),
  refused("--tls-key", string, "TLS for a remote service", remote),
  refused("--tlscacert", string, "TLS for a remote service", remote),
  refused("--tlscert", string, "TLS for a remote service", remote),
  refused("--tlskey", string, "TLS for a remote service", remote),
  refused("--tlsverify", flagSwitch, "TLS for a remote service", remote),
  refused("--tmpdir", path, "Directory for temporary state", "use --runroot"),
  refused(
    "--transient-store",
    flagSwitch,
    "Keep containers only until the next boot",
    "a store is never transient here",
  ),
  refused("--url", string, "Remote service to use", remote),
  refused("--volumepath", path, "Directory of volumes", "volumes are kept below --root"),
  declare("--max-workers", integer, "Parallel work", undefined, {
    isHidden: true,
    refuse: "Cooper decides by itself",
  }),
];

/** Nothing given. */
export function emptyGlobalOptions(): GlobalOptions {
  return {
    root: null,
    runRoot: null,
    runtime: null,
    runtimeFlags: [],
    cgroupManager: null,
    storageDriver: null,
    storageOptions: [],
    conmon: null,
    hooksDirectories: [],
    logLevel: "warn",
    tmpDirectory: null,
    volumePath: null,
    eventsBackend: null,
    configDirectory: null,
    cdiSpecDirectories: [],
    modules: [],
  };
}
